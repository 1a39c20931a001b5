"""Triggers of requests, of their subjects and of the ledger's entries that name one."""

import pgtrigger

from changerequests.models.triggers.common import APPROVED, ERASED, PENDING, REJECTED, RETURNED
from core.triggers import Guard, NeverEmptied, refuse

# Approvals that stages of the request's current revision still miss.
_MISSING = """
    SELECT FROM public.changerequests_requeststage stage
      JOIN public.changerequests_revision revision ON revision.id = stage.revision_id
     WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number
       AND stage.approvals > (
           SELECT count(*) FROM public.changerequests_decision decision
            WHERE decision.stage_id = stage.id AND decision.verdict = 'approve')
"""
_SAID = """
    EXISTS (
        SELECT FROM public.changerequests_decision decision
          JOIN public.changerequests_revision revision ON revision.id = decision.revision_id
         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number
           AND decision.verdict = '{verdict}' AND decision.member_id = NEW.review_member_id)
"""
# The stage that the request waits in is overdue, and escalates to the group that it is escalated to.
_OVERDUE = f"""
    NEW.status = {PENDING} AND NEW.due_at <= clock_timestamp() AND EXISTS (
        SELECT FROM public.changerequests_requeststage stage
          JOIN public.changerequests_revision revision ON revision.id = stage.revision_id
         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number
           AND stage.position = NEW.stage AND stage.escalates_to_id = NEW.escalated_to_id)
"""
_FIXED = "id, uid, kind, source, subject_id, initiator_member_id, initiator_application_id, initiator_system, language"


def _columns(row: str, names: str) -> str:
    return "(" + ", ".join(f"{row}.{name.strip()}" for name in names.split(",")) + ")"


OF_REQUESTS = [
    # The condition keeps the function from running for rows that obey the rule.
    Guard(
        name="begun_pending",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition(
            "NEW.status <> 1 OR NEW.revision_number <> 1 OR NEW.review_member_id IS NOT NULL"
            " OR NEW.reviewed_at IS NOT NULL OR NEW.review_comment IS NOT NULL OR NEW.is_outcome_due"
            " OR NEW.escalated_to_id IS NOT NULL"
        ),
        func=refuse("Refused: a change request begins pending, and is decided afterwards."),
    ),
    Guard(
        name="decided_once",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        declare=[("refused", "text"), ("is_erased", "boolean := false")],
        func=f"""
            IF TG_OP = 'UPDATE' THEN
                is_erased := NEW.initiator_comment IS NULL AND NEW.review_comment IS NULL AND NEW.digest_salt = ''
                    AND {ERASED.format(column="request_id", row="OLD.id")};
                -- The previous version does not know that a request was escalated.
                IF (NEW.revision_number, NEW.stage) <> (OLD.revision_number, OLD.stage) THEN
                    NEW.escalated_to_id := NULL;
                END IF;
            END IF;
            IF TG_OP = 'DELETE' THEN
                refused := 'change requests are never deleted.';
            ELSIF NEW.change_set_id IS DISTINCT FROM OLD.change_set_id
                  AND (OLD.contact_id IS NULL OR OLD.change_set_id IS NOT NULL) THEN
                refused := 'the ledger names the request of an entry.';
            ELSIF {_columns("NEW", _FIXED)} IS DISTINCT FROM {_columns("OLD", _FIXED)} THEN
                refused := 'what was asked for, and by whom, stays as it is.';
            ELSIF (NEW.initiator_comment, NEW.digest_salt) IS DISTINCT FROM (OLD.initiator_comment, OLD.digest_salt)
                  AND NOT is_erased THEN
                refused := 'what was asked for stays as it is.';
            ELSIF NEW.created_at <> OLD.created_at AND (
                      NEW.created_at > OLD.created_at OR OLD.status NOT IN ({PENDING}, {RETURNED})) THEN
                refused := 'it is not younger than it was.';
            ELSIF OLD.status NOT IN ({PENDING}, {RETURNED}) AND
                  (NEW.status, NEW.revision_number, NEW.paths, NEW.reviewed_at, NEW.review_member_id)
                  IS DISTINCT FROM
                  (OLD.status, OLD.revision_number, OLD.paths, OLD.reviewed_at, OLD.review_member_id) THEN
                refused := 'it is decided.';
            ELSIF OLD.status NOT IN ({PENDING}, {RETURNED}) AND NEW.review_comment IS DISTINCT FROM OLD.review_comment
                  AND NOT is_erased THEN
                refused := 'it is decided.';
            ELSIF NEW.revision_number = OLD.revision_number
                  AND (NEW.paths, NEW.about_member_id, NEW.excluded_member_ids)
                  IS DISTINCT FROM (OLD.paths, OLD.about_member_id, OLD.excluded_member_ids) THEN
                refused := 'what was asked for stays as it is.';
            ELSIF NEW.revision_number <> OLD.revision_number AND (
                      NEW.status <> {PENDING} OR NEW.revision_number <> OLD.revision_number + 1 OR NOT EXISTS (
                          SELECT FROM public.changerequests_revision
                           WHERE request_id = NEW.id AND number = NEW.revision_number)) THEN
                refused := 'revisions follow each other, and each waits for review.';
            ELSIF OLD.status = {RETURNED} AND NEW.status = {PENDING}
                  AND NEW.revision_number = OLD.revision_number THEN
                refused := 'it waits for its initiator.';
            ELSIF NEW.status <> OLD.status AND NEW.status = {APPROVED} AND (
                      OLD.status <> {PENDING} OR NOT {_SAID.format(verdict="approve")} OR EXISTS ({_MISSING})
                      OR NOT EXISTS (
                          SELECT FROM public.changerequests_requeststage stage
                            JOIN public.changerequests_revision revision ON revision.id = stage.revision_id
                           WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number)) THEN
                refused := 'approvals are missing.';
            ELSIF NEW.status <> OLD.status AND NEW.status = {REJECTED} AND NOT {_SAID.format(verdict="reject")} THEN
                refused := 'nobody has rejected it.';
            ELSIF NEW.status <> OLD.status AND NEW.status = {RETURNED} AND NOT {_SAID.format(verdict="return")} THEN
                refused := 'nobody has returned it.';
            ELSIF NEW.escalated_to_id IS DISTINCT FROM OLD.escalated_to_id AND NOT ({_OVERDUE})
                  AND (NEW.revision_number, NEW.stage) = (OLD.revision_number, OLD.stage) THEN
                refused := 'only an overdue stage is escalated, once, and to the group that it names.';
            ELSE
                RETURN NEW;
            END IF;
            {refuse("Refused for change request %: %", "OLD.id", "refused")}
        """,  # noqa: S608 - constants
    ),
    NeverEmptied(name="requests_are_never_emptied"),
    # The previous version has the request name its entry.
    Guard(
        name="entry_takes_over_request",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("change_set_id"),
        condition=pgtrigger.Condition("NEW.change_set_id IS NOT NULL AND OLD.change_set_id IS NULL"),
        func="""
            UPDATE public.audit_entry SET change_request_id = NEW.id
             WHERE id = NEW.change_set_id AND change_request_id IS NULL;
            RETURN NULL;
        """,
    ),
]

OF_ENTRIES = [
    # Deferred, because the request is approved after its changes are made.
    Guard(
        name="request_is_approved",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        condition=pgtrigger.Condition("NEW.change_request_id IS NOT NULL"),
        func=f"""
            IF NOT EXISTS (
                SELECT FROM public.changerequests_changerequest request
                  JOIN public.changerequests_requestsubject subject ON subject.request_id = request.id
                 WHERE request.id = NEW.change_request_id AND request.status = {APPROVED}
                   AND subject.kind = NEW.kind AND subject.subject_id = NEW.subject_id)
            THEN
                {refuse("Refused: entry % names a request that is not an approved one of its subject.", "NEW.id")}
            END IF;
            RETURN NULL;
        """,
    ),
]

OF_SUBJECTS = [
    Guard(
        name="subjects_come_first",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            IF EXISTS (SELECT FROM public.changerequests_revision WHERE request_id = NEW.request_id)
               OR NOT NEW.is_open THEN
                {refuse("Refused: change request % has its subjects.", "NEW.request_id")}
            END IF;
            RETURN NEW;
        """,
    ),
    Guard(
        name="subjects_stay",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            IF TG_OP = 'UPDATE'
               AND (NEW.id, NEW.request_id, NEW.kind, NEW.subject_id)
                   = (OLD.id, OLD.request_id, OLD.kind, OLD.subject_id)
               AND (OLD.is_open OR NOT NEW.is_open)
               AND (NEW.is_open OR NOT OLD.is_open OR NEW.outcome = 'excluded' OR EXISTS (
                   SELECT FROM public.changerequests_changerequest request
                    WHERE request.id = NEW.request_id AND request.status NOT IN ({PENDING}, {RETURNED})))
            THEN
                RETURN NEW;
            END IF;
            {refuse("Refused: subject % of a request stays, and is open as long as the request is.", "OLD.id")}
        """,
    ),
    NeverEmptied(name="subjects_are_never_emptied"),
]
