"""Triggers of decisions: who may decide, and in which stage."""

import pgtrigger

from changerequests.models.triggers.common import ERASED, PENDING, PEOPLE, RETURNED, append_only
from core.triggers import Guard, NeverEmptied, refuse

OF_DECISIONS = [
    Guard(
        name="decided_by_others",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("request", "record"), ("stage", "record"), ("people", "integer[]"), ("refused", "text")],
        # The lock serializes the decisions of a request.
        func=f"""
            SELECT changerequest.*, revision.number INTO request
              FROM public.changerequests_revision revision
              JOIN public.changerequests_changerequest changerequest ON changerequest.id = revision.request_id
             WHERE revision.id = NEW.revision_id
               FOR NO KEY UPDATE OF changerequest;
            SELECT * INTO stage FROM public.changerequests_requeststage WHERE id = NEW.stage_id;
            {PEOPLE}
            IF request.number <> request.revision_number
               OR request.status <> {PENDING} AND NOT (request.status = {RETURNED} AND NEW.verdict = 'reject') THEN
                refused := 'it is not about an open request as it is now.';
            ELSIF stage.revision_id <> NEW.revision_id THEN
                refused := 'the stage is not one of its revision.';
            ELSIF request.initiator_member_id = ANY(people) THEN
                refused := 'neither the initiator nor a substitute of the initiator may decide.';
            ELSIF request.about_member_id = ANY(people) OR request.excluded_member_ids && people THEN
                refused := 'neither the members whom it is about nor their substitutes may decide.';
            ELSIF EXISTS (
                      SELECT FROM public.changerequests_decision decision
                       WHERE decision.revision_id = NEW.revision_id
                         AND (decision.member_id = ANY(people) OR decision.on_behalf_of_id = ANY(people))) THEN
                refused := 'one person decides a revision once.';
            ELSIF NEW.on_behalf_of_id IS NOT NULL AND NOT EXISTS (
                      SELECT FROM public.changerequests_absence absence
                       WHERE absence.substitute_id = NEW.member_id AND absence.member_id = NEW.on_behalf_of_id
                         AND (now() AT TIME ZONE 'UTC')::date BETWEEN absence.starts_on AND absence.ends_on) THEN
                refused := 'the member whom it represents is not away.';
            ELSIF stage.group_id IS NOT NULL AND NOT EXISTS (
                      SELECT FROM public.accounts_user_groups membership
                        JOIN public.accounts_member member ON member.user_id = membership.user_id
                       WHERE member.id = NEW.member_id AND (
                             membership.group_id = stage.group_id
                             OR stage.position = request.stage AND membership.group_id = request.escalated_to_id)) THEN
                refused := 'the member is not in the group of the stage.';
            ELSIF NOT EXISTS (
                      SELECT FROM public.accounts_member member
                        JOIN public.accounts_user login ON login.id = member.user_id
                       WHERE member.id = NEW.member_id AND login.is_active
                         AND (login.is_superuser OR EXISTS (
                              SELECT FROM public.auth_permission permission
                                JOIN public.django_content_type subject ON subject.id = permission.content_type_id
                               WHERE subject.app_label = 'changerequests'
                                 AND permission.codename = 'review_changerequest'
                                 AND (EXISTS (SELECT FROM public.accounts_user_user_permissions own
                                               WHERE own.user_id = login.id AND own.permission_id = permission.id)
                                      OR EXISTS (SELECT FROM public.accounts_user_groups membership
                                                   JOIN public.auth_group_permissions given
                                                     ON given.group_id = membership.group_id
                                                  WHERE membership.user_id = login.id
                                                    AND given.permission_id = permission.id))))) THEN
                refused := 'the member is no reviewer.';
            ELSIF request.status = {PENDING} AND (
                      stage.approvals <= (SELECT count(*) FROM public.changerequests_decision decision
                                           WHERE decision.stage_id = stage.id AND decision.verdict = 'approve')
                      OR EXISTS (
                          SELECT FROM public.changerequests_requeststage earlier
                           WHERE earlier.revision_id = NEW.revision_id AND earlier.position < stage.position
                             AND earlier.approvals > (
                                 SELECT count(*) FROM public.changerequests_decision decision
                                  WHERE decision.stage_id = earlier.id AND decision.verdict = 'approve'))) THEN
                refused := 'the request waits in another stage.';
            ELSIF NEW.verdict = 'approve' AND stage.is_evidence_required AND NOT EXISTS (
                      SELECT FROM public.changerequests_requestattachment attachment
                       WHERE attachment.request_id = request.id AND attachment.file <> '') THEN
                refused := 'the stage requires a file, and the request has none.';
            ELSE
                RETURN NEW;
            END IF;
            {refuse("Refused, a decision of member %: %", "NEW.member_id", "refused")}
        """,  # noqa: S608 - constants
    ),
    append_only(
        "decisions_stay",
        "decision",
        erasable="NEW.comment IS NULL"
        " AND (NEW.id, NEW.revision_id, NEW.stage_id, NEW.member_id, NEW.on_behalf_of_id, NEW.verdict, NEW.paths,"
        " NEW.digest, NEW.decided_at) IS NOT DISTINCT FROM (OLD.id, OLD.revision_id, OLD.stage_id, OLD.member_id,"
        " OLD.on_behalf_of_id, OLD.verdict, OLD.paths, OLD.digest, OLD.decided_at)",
        erased=ERASED.format(
            column="request_id",
            row="(SELECT request_id FROM public.changerequests_revision WHERE id = OLD.revision_id)",
        ),
    ),
    NeverEmptied(name="decisions_are_never_emptied"),
]
