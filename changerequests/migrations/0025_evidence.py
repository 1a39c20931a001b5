"""Stages that require a file as evidence."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers
from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0024_claims"),
    ]

    operations = [
        LockTables("changerequests_requeststage", "changerequests_decision"),
        pgtrigger.migrations.RemoveTrigger(
            model_name="decision",
            name="decided_by_others",
        ),
        migrations.AddField(
            model_name="requeststage",
            name="is_evidence_required",
            field=models.BooleanField(db_default=False, default=False, verbose_name="file required"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="decided_by_others",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE request record; stage record; people integer[]; refused text;",
                    func="\n            SELECT changerequest.*, revision.number INTO request\n              FROM public.changerequests_revision revision\n              JOIN public.changerequests_changerequest changerequest ON changerequest.id = revision.request_id\n             WHERE revision.id = NEW.revision_id\n               FOR NO KEY UPDATE OF changerequest;\n            SELECT * INTO stage FROM public.changerequests_requeststage WHERE id = NEW.stage_id;\n            SELECT array_agg(member) INTO people FROM (\n                SELECT NEW.member_id AS member\n                 UNION SELECT NEW.on_behalf_of_id WHERE NEW.on_behalf_of_id IS NOT NULL\n                 UNION SELECT absence.member_id FROM public.changerequests_absence absence\n                        WHERE absence.substitute_id = NEW.member_id\n                          AND absence.ends_on >= (request.created_at AT TIME ZONE 'UTC')::date\n                          AND absence.starts_on <= (now() AT TIME ZONE 'UTC')::date) represented;\n            IF request.number <> request.revision_number\n               OR request.status <> 1 AND NOT (request.status = 5 AND NEW.verdict = 'reject') THEN\n                refused := 'it is not about an open request as it is now.';\n            ELSIF stage.revision_id <> NEW.revision_id THEN\n                refused := 'the stage is not one of its revision.';\n            ELSIF request.initiator_member_id = ANY(people) THEN\n                refused := 'neither the initiator nor a substitute of the initiator may decide.';\n            ELSIF request.about_member_id = ANY(people) OR request.excluded_member_ids && people THEN\n                refused := 'neither the members whom it is about nor their substitutes may decide.';\n            ELSIF EXISTS (\n                      SELECT FROM public.changerequests_decision decision\n                       WHERE decision.revision_id = NEW.revision_id\n                         AND (decision.member_id = ANY(people) OR decision.on_behalf_of_id = ANY(people))) THEN\n                refused := 'one person decides a revision once.';\n            ELSIF NEW.on_behalf_of_id IS NOT NULL AND NOT EXISTS (\n                      SELECT FROM public.changerequests_absence absence\n                       WHERE absence.substitute_id = NEW.member_id AND absence.member_id = NEW.on_behalf_of_id\n                         AND (now() AT TIME ZONE 'UTC')::date BETWEEN absence.starts_on AND absence.ends_on) THEN\n                refused := 'the member whom it represents is not away.';\n            ELSIF stage.group_id IS NOT NULL AND NOT EXISTS (\n                      SELECT FROM public.accounts_user_groups membership\n                        JOIN public.accounts_member member ON member.user_id = membership.user_id\n                       WHERE member.id = NEW.member_id AND membership.group_id = stage.group_id) THEN\n                refused := 'the member is not in the group of the stage.';\n            ELSIF NOT EXISTS (\n                      SELECT FROM public.accounts_member member\n                        JOIN public.accounts_user login ON login.id = member.user_id\n                       WHERE member.id = NEW.member_id AND login.is_active\n                         AND (login.is_superuser OR EXISTS (\n                              SELECT FROM public.auth_permission permission\n                                JOIN public.django_content_type subject ON subject.id = permission.content_type_id\n                               WHERE subject.app_label = 'changerequests'\n                                 AND permission.codename = 'review_changerequest'\n                                 AND (EXISTS (SELECT FROM public.accounts_user_user_permissions own\n                                               WHERE own.user_id = login.id AND own.permission_id = permission.id)\n                                      OR EXISTS (SELECT FROM public.accounts_user_groups membership\n                                                   JOIN public.auth_group_permissions given\n                                                     ON given.group_id = membership.group_id\n                                                  WHERE membership.user_id = login.id\n                                                    AND given.permission_id = permission.id))))) THEN\n                refused := 'the member is no reviewer.';\n            ELSIF request.status = 1 AND (\n                      stage.approvals <= (SELECT count(*) FROM public.changerequests_decision decision\n                                           WHERE decision.stage_id = stage.id AND decision.verdict = 'approve')\n                      OR EXISTS (\n                          SELECT FROM public.changerequests_requeststage earlier\n                           WHERE earlier.revision_id = NEW.revision_id AND earlier.position < stage.position\n                             AND earlier.approvals > (\n                                 SELECT count(*) FROM public.changerequests_decision decision\n                                  WHERE decision.stage_id = earlier.id AND decision.verdict = 'approve'))) THEN\n                refused := 'the request waits in another stage.';\n            ELSIF NEW.verdict = 'approve' AND stage.is_evidence_required AND NOT EXISTS (\n                      SELECT FROM public.changerequests_requestattachment attachment\n                       WHERE attachment.request_id = request.id AND attachment.file <> '') THEN\n                refused := 'the stage requires a file, and the request has none.';\n            ELSE\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused, a decision of member %: %', NEW.member_id, refused USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="7f06933202c03a9450e4566a933772f55a1ef6fa",
                    operation="INSERT",
                    pgid="pgtrigger_decided_by_others_8b961",
                    table="changerequests_decision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
