"""Escalating what is overdue to another group."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers
from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_introspection"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("changerequests", "0034_daily_digests"),
    ]

    operations = [
        LockTables(
            "changerequests_changerequest", "changerequests_requeststage", "changerequests_decision", "auth_group"
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="changerequest",
            name="begun_pending",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="changerequest",
            name="decided_once",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="decision",
            name="decided_by_others",
        ),
        migrations.AddField(
            model_name="changerequest",
            name="escalated_to",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="auth.group",
                verbose_name="escalated to",
            ),
        ),
        migrations.AddField(
            model_name="requeststage",
            name="escalates_to",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="auth.group",
                verbose_name="escalates to",
            ),
        ),
        migrations.AlterField(
            model_name="deadlinemail",
            name="reason",
            field=models.CharField(
                choices=[("due-soon", "Due soon"), ("escalated", "Escalated to you")],
                max_length=10,
                verbose_name="reason",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="changerequest",
            trigger=pgtrigger.compiler.Trigger(
                name="begun_pending",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.status <> 1 OR NEW.revision_number <> 1 OR NEW.review_member_id IS NOT NULL OR NEW.reviewed_at IS NOT NULL OR NEW.review_comment IS NOT NULL OR NEW.is_outcome_due OR NEW.escalated_to_id IS NOT NULL)",
                    func="RAISE EXCEPTION 'Refused: a change request begins pending, and is decided afterwards.' USING ERRCODE = 'integrity_constraint_violation';",
                    hash="dfb8af278b3fb22ee54a562aba89073c1ecf1ecc",
                    operation="INSERT",
                    pgid="pgtrigger_begun_pending_9e67a",
                    table="changerequests_changerequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="changerequest",
            trigger=pgtrigger.compiler.Trigger(
                name="decided_once",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE refused text; is_erased boolean := false;",
                    func="\n            IF TG_OP = 'UPDATE' THEN\n                is_erased := NEW.initiator_comment IS NULL AND NEW.review_comment IS NULL AND NEW.digest_salt = ''\n                    AND \n    EXISTS (\n        SELECT FROM public.changerequests_requestsubject subject\n          JOIN public.audit_erasure erasure\n            ON erasure.kind = subject.kind AND erasure.subject_id = subject.subject_id\n         WHERE subject.request_id = OLD.id)\n;\n                -- The previous version does not know that a request was escalated.\n                IF (NEW.revision_number, NEW.stage) <> (OLD.revision_number, OLD.stage) THEN\n                    NEW.escalated_to_id := NULL;\n                END IF;\n            END IF;\n            IF TG_OP = 'DELETE' THEN\n                refused := 'change requests are never deleted.';\n            ELSIF NEW.change_set_id IS DISTINCT FROM OLD.change_set_id\n                  AND (OLD.contact_id IS NULL OR OLD.change_set_id IS NOT NULL) THEN\n                refused := 'the ledger names the request of an entry.';\n            ELSIF (NEW.id, NEW.uid, NEW.kind, NEW.source, NEW.subject_id, NEW.initiator_member_id, NEW.initiator_application_id, NEW.initiator_system, NEW.language) IS DISTINCT FROM (OLD.id, OLD.uid, OLD.kind, OLD.source, OLD.subject_id, OLD.initiator_member_id, OLD.initiator_application_id, OLD.initiator_system, OLD.language) THEN\n                refused := 'what was asked for, and by whom, stays as it is.';\n            ELSIF (NEW.initiator_comment, NEW.digest_salt) IS DISTINCT FROM (OLD.initiator_comment, OLD.digest_salt)\n                  AND NOT is_erased THEN\n                refused := 'what was asked for stays as it is.';\n            ELSIF NEW.created_at <> OLD.created_at AND (\n                      NEW.created_at > OLD.created_at OR OLD.status NOT IN (1, 5)) THEN\n                refused := 'it is not younger than it was.';\n            ELSIF OLD.status NOT IN (1, 5) AND\n                  (NEW.status, NEW.revision_number, NEW.paths, NEW.reviewed_at, NEW.review_member_id)\n                  IS DISTINCT FROM\n                  (OLD.status, OLD.revision_number, OLD.paths, OLD.reviewed_at, OLD.review_member_id) THEN\n                refused := 'it is decided.';\n            ELSIF OLD.status NOT IN (1, 5) AND NEW.review_comment IS DISTINCT FROM OLD.review_comment\n                  AND NOT is_erased THEN\n                refused := 'it is decided.';\n            ELSIF NEW.revision_number = OLD.revision_number\n                  AND (NEW.paths, NEW.about_member_id, NEW.excluded_member_ids)\n                  IS DISTINCT FROM (OLD.paths, OLD.about_member_id, OLD.excluded_member_ids) THEN\n                refused := 'what was asked for stays as it is.';\n            ELSIF NEW.revision_number <> OLD.revision_number AND (\n                      NEW.status <> 1 OR NEW.revision_number <> OLD.revision_number + 1 OR NOT EXISTS (\n                          SELECT FROM public.changerequests_revision\n                           WHERE request_id = NEW.id AND number = NEW.revision_number)) THEN\n                refused := 'revisions follow each other, and each waits for review.';\n            ELSIF OLD.status = 5 AND NEW.status = 1\n                  AND NEW.revision_number = OLD.revision_number THEN\n                refused := 'it waits for its initiator.';\n            ELSIF NEW.status <> OLD.status AND NEW.status = 2 AND (\n                      OLD.status <> 1 OR NOT \n    EXISTS (\n        SELECT FROM public.changerequests_decision decision\n          JOIN public.changerequests_revision revision ON revision.id = decision.revision_id\n         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n           AND decision.verdict = 'approve' AND decision.member_id = NEW.review_member_id)\n OR EXISTS (\n    SELECT FROM public.changerequests_requeststage stage\n      JOIN public.changerequests_revision revision ON revision.id = stage.revision_id\n     WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n       AND stage.approvals > (\n           SELECT count(*) FROM public.changerequests_decision decision\n            WHERE decision.stage_id = stage.id AND decision.verdict = 'approve')\n)\n                      OR NOT EXISTS (\n                          SELECT FROM public.changerequests_requeststage stage\n                            JOIN public.changerequests_revision revision ON revision.id = stage.revision_id\n                           WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number)) THEN\n                refused := 'approvals are missing.';\n            ELSIF NEW.status <> OLD.status AND NEW.status = 3 AND NOT \n    EXISTS (\n        SELECT FROM public.changerequests_decision decision\n          JOIN public.changerequests_revision revision ON revision.id = decision.revision_id\n         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n           AND decision.verdict = 'reject' AND decision.member_id = NEW.review_member_id)\n THEN\n                refused := 'nobody has rejected it.';\n            ELSIF NEW.status <> OLD.status AND NEW.status = 5 AND NOT \n    EXISTS (\n        SELECT FROM public.changerequests_decision decision\n          JOIN public.changerequests_revision revision ON revision.id = decision.revision_id\n         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n           AND decision.verdict = 'return' AND decision.member_id = NEW.review_member_id)\n THEN\n                refused := 'nobody has returned it.';\n            ELSIF NEW.escalated_to_id IS DISTINCT FROM OLD.escalated_to_id AND NOT (\n    NEW.status = 1 AND NEW.due_at <= clock_timestamp() AND EXISTS (\n        SELECT FROM public.changerequests_requeststage stage\n          JOIN public.changerequests_revision revision ON revision.id = stage.revision_id\n         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n           AND stage.position = NEW.stage AND stage.escalates_to_id = NEW.escalated_to_id)\n)\n                  AND (NEW.revision_number, NEW.stage) = (OLD.revision_number, OLD.stage) THEN\n                refused := 'only an overdue stage is escalated, once, and to the group that it names.';\n            ELSE\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused for change request %: %', OLD.id, refused USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="f43f83b4bd42cea8a607e6c94e1eefc40b321afa",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_decided_once_fbe72",
                    table="changerequests_changerequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="decided_by_others",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE request record; stage record; people integer[]; refused text;",
                    func="\n            SELECT changerequest.*, revision.number INTO request\n              FROM public.changerequests_revision revision\n              JOIN public.changerequests_changerequest changerequest ON changerequest.id = revision.request_id\n             WHERE revision.id = NEW.revision_id\n               FOR NO KEY UPDATE OF changerequest;\n            SELECT * INTO stage FROM public.changerequests_requeststage WHERE id = NEW.stage_id;\n            SELECT array_agg(member) INTO people FROM (\n                SELECT NEW.member_id AS member\n                 UNION SELECT NEW.on_behalf_of_id WHERE NEW.on_behalf_of_id IS NOT NULL\n                 UNION SELECT absence.member_id FROM public.changerequests_absence absence\n                        WHERE absence.substitute_id = NEW.member_id\n                          AND absence.ends_on >= (request.created_at AT TIME ZONE 'UTC')::date\n                          AND absence.starts_on <= (now() AT TIME ZONE 'UTC')::date) represented;\n            IF request.number <> request.revision_number\n               OR request.status <> 1 AND NOT (request.status = 5 AND NEW.verdict = 'reject') THEN\n                refused := 'it is not about an open request as it is now.';\n            ELSIF stage.revision_id <> NEW.revision_id THEN\n                refused := 'the stage is not one of its revision.';\n            ELSIF request.initiator_member_id = ANY(people) THEN\n                refused := 'neither the initiator nor a substitute of the initiator may decide.';\n            ELSIF request.about_member_id = ANY(people) OR request.excluded_member_ids && people THEN\n                refused := 'neither the members whom it is about nor their substitutes may decide.';\n            ELSIF EXISTS (\n                      SELECT FROM public.changerequests_decision decision\n                       WHERE decision.revision_id = NEW.revision_id\n                         AND (decision.member_id = ANY(people) OR decision.on_behalf_of_id = ANY(people))) THEN\n                refused := 'one person decides a revision once.';\n            ELSIF NEW.on_behalf_of_id IS NOT NULL AND NOT EXISTS (\n                      SELECT FROM public.changerequests_absence absence\n                       WHERE absence.substitute_id = NEW.member_id AND absence.member_id = NEW.on_behalf_of_id\n                         AND (now() AT TIME ZONE 'UTC')::date BETWEEN absence.starts_on AND absence.ends_on) THEN\n                refused := 'the member whom it represents is not away.';\n            ELSIF stage.group_id IS NOT NULL AND NOT EXISTS (\n                      SELECT FROM public.accounts_user_groups membership\n                        JOIN public.accounts_member member ON member.user_id = membership.user_id\n                       WHERE member.id = NEW.member_id AND (\n                             membership.group_id = stage.group_id\n                             OR stage.position = request.stage AND membership.group_id = request.escalated_to_id)) THEN\n                refused := 'the member is not in the group of the stage.';\n            ELSIF NOT EXISTS (\n                      SELECT FROM public.accounts_member member\n                        JOIN public.accounts_user login ON login.id = member.user_id\n                       WHERE member.id = NEW.member_id AND login.is_active\n                         AND (login.is_superuser OR EXISTS (\n                              SELECT FROM public.auth_permission permission\n                                JOIN public.django_content_type subject ON subject.id = permission.content_type_id\n                               WHERE subject.app_label = 'changerequests'\n                                 AND permission.codename = 'review_changerequest'\n                                 AND (EXISTS (SELECT FROM public.accounts_user_user_permissions own\n                                               WHERE own.user_id = login.id AND own.permission_id = permission.id)\n                                      OR EXISTS (SELECT FROM public.accounts_user_groups membership\n                                                   JOIN public.auth_group_permissions given\n                                                     ON given.group_id = membership.group_id\n                                                  WHERE membership.user_id = login.id\n                                                    AND given.permission_id = permission.id))))) THEN\n                refused := 'the member is no reviewer.';\n            ELSIF request.status = 1 AND (\n                      stage.approvals <= (SELECT count(*) FROM public.changerequests_decision decision\n                                           WHERE decision.stage_id = stage.id AND decision.verdict = 'approve')\n                      OR EXISTS (\n                          SELECT FROM public.changerequests_requeststage earlier\n                           WHERE earlier.revision_id = NEW.revision_id AND earlier.position < stage.position\n                             AND earlier.approvals > (\n                                 SELECT count(*) FROM public.changerequests_decision decision\n                                  WHERE decision.stage_id = earlier.id AND decision.verdict = 'approve'))) THEN\n                refused := 'the request waits in another stage.';\n            ELSIF NEW.verdict = 'approve' AND stage.is_evidence_required AND NOT EXISTS (\n                      SELECT FROM public.changerequests_requestattachment attachment\n                       WHERE attachment.request_id = request.id AND attachment.file <> '') THEN\n                refused := 'the stage requires a file, and the request has none.';\n            ELSE\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused, a decision of member %: %', NEW.member_id, refused USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="d95c05f2108cdcf9f2a968318b2b7a0fcdc8dfd7",
                    operation="INSERT",
                    pgid="pgtrigger_decided_by_others_8b961",
                    table="changerequests_decision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
