"""Triggers of revisions, their proposals and their stages."""

import pgtrigger

from changerequests.models.triggers.common import ERASED, PENDING, PROPOSING, RETURNED, append_only
from core.triggers import Guard, NeverEmptied, refuse

OF_REVISIONS = [
    Guard(
        name="revisions_follow",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("request", "record")],
        func=f"""
            SELECT * INTO request FROM public.changerequests_changerequest WHERE id = NEW.request_id FOR NO KEY UPDATE;
            IF request.status NOT IN ({PENDING}, {RETURNED})
               OR NEW.number <> 1 AND NEW.number <> request.revision_number + 1
               OR NEW.number = 1 AND (NEW.reason <> 'submitted'
                                      OR NEW.author_id IS DISTINCT FROM request.initiator_member_id)
               OR NEW.number > 1 AND NEW.reason IN ('amended', 'rebased')
                  AND NEW.author_id IS DISTINCT FROM request.initiator_member_id
               OR NEW.number > 1 AND NEW.reason = 'struck' AND (
                  NEW.author_id IS NULL OR NEW.author_id = request.initiator_member_id)
               OR NEW.number > 1 AND NEW.reason = 'submitted'
            THEN
                {refuse("Refused: revision % of change request % is none of it.", "NEW.number", "NEW.request_id")}
            END IF;
            RETURN NEW;
        """,  # noqa: S608 - constants
    ),
    append_only(
        "revisions_stay",
        "revision",
        erasable="NEW.comment IS NULL"
        " AND (NEW.id, NEW.request_id, NEW.number, NEW.reason, NEW.author_id, NEW.policy_version, NEW.created_at)"
        " IS NOT DISTINCT FROM"
        " (OLD.id, OLD.request_id, OLD.number, OLD.reason, OLD.author_id, OLD.policy_version, OLD.created_at)",
        erased=ERASED.format(column="request_id", row="OLD.request_id"),
    ),
    NeverEmptied(name="revisions_are_never_emptied"),
]

# What a revision proposes and has to pass is complete before anybody decides it.
_COMPLETE = f"""
    SELECT revision.number, request.status, request.revision_number,
           EXISTS (SELECT FROM public.changerequests_decision WHERE revision_id = revision.id) AS is_decided
      INTO whole
      FROM public.changerequests_revision revision
      JOIN public.changerequests_changerequest request ON request.id = revision.request_id
     WHERE revision.id = NEW.revision_id;
    IF whole.is_decided OR whole.status NOT IN ({PENDING}, {RETURNED})
       OR whole.number < whole.revision_number THEN
        {refuse("Refused: revision % is complete.", "NEW.revision_id")}
    END IF;
    RETURN NEW;
"""  # noqa: S608 - constants

OF_PROPOSALS = [
    # A check for open requests takes the lock exclusively, and so misses none.
    Guard(
        name="proposals_are_not_missed",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            PERFORM pg_advisory_xact_lock_shared({PROPOSING});
            RETURN NULL;
        """,
    ),
    Guard(
        name="proposals_are_complete",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("whole", "record")],
        func=_COMPLETE,
    ),
    append_only(
        "proposals_stay",
        "proposal",
        erasable="(NEW.id, NEW.revision_id, NEW.subject_id) = (OLD.id, OLD.revision_id, OLD.subject_id)"
        " AND NEW.changes = public.contacts_without_values(OLD.changes)",
        erased=ERASED.format(column="id", row="OLD.subject_id"),
    ),
    NeverEmptied(name="proposals_are_never_emptied"),
]

OF_STAGES = [
    Guard(
        name="stages_are_complete",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("whole", "record")],
        func=_COMPLETE,
    ),
    append_only("stages_stay", "stage"),
    NeverEmptied(name="stages_are_never_emptied"),
]
