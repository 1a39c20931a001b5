"""The rules of subjects, revisions, proposals, stages and decisions, once all rows are there."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers
from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0015_engine_rules_of_requests"),
    ]

    operations = [
        LockTables(
            "changerequests_requestsubject",
            "changerequests_revision",
            "changerequests_proposal",
            "changerequests_requeststage",
            "changerequests_decision",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requestsubject",
            trigger=pgtrigger.compiler.Trigger(
                name="subjects_come_first",
                sql=core.triggers.GuardSQL(
                    func="\n            IF EXISTS (SELECT FROM public.changerequests_revision WHERE request_id = NEW.request_id)\n               OR NOT NEW.is_open THEN\n                RAISE EXCEPTION 'Refused: change request % has its subjects.', NEW.request_id USING ERRCODE = 'integrity_constraint_violation';\n            END IF;\n            RETURN NEW;\n        ",
                    hash="749f05e819c185c7e83ea1aff8201947985550c4",
                    operation="INSERT",
                    pgid="pgtrigger_subjects_come_first_f062f",
                    table="changerequests_requestsubject",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requestsubject",
            trigger=pgtrigger.compiler.Trigger(
                name="subjects_stay",
                sql=core.triggers.GuardSQL(
                    func="\n            IF TG_OP = 'UPDATE'\n               AND (NEW.id, NEW.request_id, NEW.kind, NEW.subject_id)\n                   = (OLD.id, OLD.request_id, OLD.kind, OLD.subject_id)\n               AND (OLD.is_open OR NOT NEW.is_open)\n               AND (NEW.is_open OR NOT OLD.is_open OR NEW.outcome = 'excluded' OR EXISTS (\n                   SELECT FROM public.changerequests_changerequest request\n                    WHERE request.id = NEW.request_id AND request.status NOT IN (1, 5)))\n            THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused: subject % of a request stays, and is open as long as the request is.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="9c3722b6d20b97dee8f4797ebdc2ade88691fdde",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_subjects_stay_cc21b",
                    table="changerequests_requestsubject",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requestsubject",
            trigger=pgtrigger.compiler.Trigger(
                name="subjects_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="00987e6471e6e62cb2a7d410f99a6912376a3f73",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_subjects_are_never_emptied_be6ba",
                    table="changerequests_requestsubject",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="revisions_follow",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE request record;",
                    func="\n            SELECT * INTO request FROM public.changerequests_changerequest WHERE id = NEW.request_id FOR NO KEY UPDATE;\n            IF request.status NOT IN (1, 5)\n               OR NEW.number <> 1 AND NEW.number <> request.revision_number + 1\n               OR NEW.number = 1 AND (NEW.reason <> 'submitted'\n                                      OR NEW.author_id IS DISTINCT FROM request.initiator_member_id)\n               OR NEW.number > 1 AND NEW.reason = 'amended'\n                  AND NEW.author_id IS DISTINCT FROM request.initiator_member_id\n               OR NEW.number > 1 AND NEW.reason = 'struck' AND (\n                  NEW.author_id IS NULL OR NEW.author_id = request.initiator_member_id)\n               OR NEW.number > 1 AND NEW.reason = 'submitted'\n            THEN\n                RAISE EXCEPTION 'Refused: revision % of change request % is none of it.', NEW.number, NEW.request_id USING ERRCODE = 'integrity_constraint_violation';\n            END IF;\n            RETURN NEW;\n        ",
                    hash="4ab7b378529598586458dc4d62bfb913ca1eff58",
                    operation="INSERT",
                    pgid="pgtrigger_revisions_follow_aca80",
                    table="changerequests_revision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="revisions_stay",
                sql=core.triggers.GuardSQL(
                    func="\n            \n        IF TG_OP = 'UPDATE' AND NEW.comment IS NULL AND (NEW.id, NEW.request_id, NEW.number, NEW.reason, NEW.author_id, NEW.policy_version, NEW.created_at) IS NOT DISTINCT FROM (OLD.id, OLD.request_id, OLD.number, OLD.reason, OLD.author_id, OLD.policy_version, OLD.created_at) AND \n    EXISTS (\n        SELECT FROM public.changerequests_requestsubject subject\n          JOIN public.audit_erasure erasure\n            ON erasure.kind = subject.kind AND erasure.subject_id = subject.subject_id\n         WHERE subject.request_id = OLD.request_id)\n THEN\n            RETURN NEW;\n        END IF;\n    \n            RAISE EXCEPTION 'Refused: revision % is never changed or deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="535dec384852d88cf2d38f973410b495bc626ed2",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_revisions_stay_d3c97",
                    table="changerequests_revision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="revisions_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="291f3bf3d84185ea69f46ebcab6acca05b46f46d",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_revisions_are_never_emptied_df3c6",
                    table="changerequests_revision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requeststage",
            trigger=pgtrigger.compiler.Trigger(
                name="stages_are_complete",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE whole record;",
                    func="\n    SELECT revision.number, request.status, request.revision_number,\n           EXISTS (SELECT FROM public.changerequests_decision WHERE revision_id = revision.id) AS is_decided\n      INTO whole\n      FROM public.changerequests_revision revision\n      JOIN public.changerequests_changerequest request ON request.id = revision.request_id\n     WHERE revision.id = NEW.revision_id;\n    IF whole.is_decided OR whole.status NOT IN (1, 5)\n       OR whole.number < whole.revision_number THEN\n        RAISE EXCEPTION 'Refused: revision % is complete.', NEW.revision_id USING ERRCODE = 'integrity_constraint_violation';\n    END IF;\n    RETURN NEW;\n",
                    hash="db2f75026fa91cd3c917b5ba89f0a2e419bccc65",
                    operation="INSERT",
                    pgid="pgtrigger_stages_are_complete_1927f",
                    table="changerequests_requeststage",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requeststage",
            trigger=pgtrigger.compiler.Trigger(
                name="stages_stay",
                sql=core.triggers.GuardSQL(
                    func="\n            \n            RAISE EXCEPTION 'Refused: stage % is never changed or deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="51ec69579c6d3fa1de09fc8b9732edc3bdd44a13",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_stages_stay_ea391",
                    table="changerequests_requeststage",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requeststage",
            trigger=pgtrigger.compiler.Trigger(
                name="stages_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="ccbe09f443fbac690fdf7e741d3f4df5e6cdfd83",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_stages_are_never_emptied_bf8ab",
                    table="changerequests_requeststage",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="proposal",
            trigger=pgtrigger.compiler.Trigger(
                name="proposals_are_complete",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE whole record;",
                    func="\n    SELECT revision.number, request.status, request.revision_number,\n           EXISTS (SELECT FROM public.changerequests_decision WHERE revision_id = revision.id) AS is_decided\n      INTO whole\n      FROM public.changerequests_revision revision\n      JOIN public.changerequests_changerequest request ON request.id = revision.request_id\n     WHERE revision.id = NEW.revision_id;\n    IF whole.is_decided OR whole.status NOT IN (1, 5)\n       OR whole.number < whole.revision_number THEN\n        RAISE EXCEPTION 'Refused: revision % is complete.', NEW.revision_id USING ERRCODE = 'integrity_constraint_violation';\n    END IF;\n    RETURN NEW;\n",
                    hash="8eca24999e5a3e28bad29f1960b469dbacab17be",
                    operation="INSERT",
                    pgid="pgtrigger_proposals_are_complete_46aad",
                    table="changerequests_proposal",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="proposal",
            trigger=pgtrigger.compiler.Trigger(
                name="proposals_stay",
                sql=core.triggers.GuardSQL(
                    func="\n            \n        IF TG_OP = 'UPDATE' AND (NEW.id, NEW.revision_id, NEW.subject_id) = (OLD.id, OLD.revision_id, OLD.subject_id) AND NEW.changes = public.contacts_without_values(OLD.changes) AND \n    EXISTS (\n        SELECT FROM public.changerequests_requestsubject subject\n          JOIN public.audit_erasure erasure\n            ON erasure.kind = subject.kind AND erasure.subject_id = subject.subject_id\n         WHERE subject.id = OLD.subject_id)\n THEN\n            RETURN NEW;\n        END IF;\n    \n            RAISE EXCEPTION 'Refused: proposal % is never changed or deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="d0aa545c041e6a768dc95be4d009794ec23f4945",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_proposals_stay_56f7f",
                    table="changerequests_proposal",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="proposal",
            trigger=pgtrigger.compiler.Trigger(
                name="proposals_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="93ccf0c17aa233fd0a946c91bfe8b98a13529444",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_proposals_are_never_emptied_e39d1",
                    table="changerequests_proposal",
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
                    func="\n            SELECT changerequest.*, revision.number INTO request\n              FROM public.changerequests_revision revision\n              JOIN public.changerequests_changerequest changerequest ON changerequest.id = revision.request_id\n             WHERE revision.id = NEW.revision_id\n               FOR NO KEY UPDATE OF changerequest;\n            SELECT * INTO stage FROM public.changerequests_requeststage WHERE id = NEW.stage_id;\n            SELECT array_agg(member) INTO people FROM (\n                SELECT NEW.member_id AS member\n                 UNION SELECT NEW.on_behalf_of_id WHERE NEW.on_behalf_of_id IS NOT NULL\n                 UNION SELECT absence.member_id FROM public.changerequests_absence absence\n                        WHERE absence.substitute_id = NEW.member_id\n                          AND absence.ends_on >= (request.created_at AT TIME ZONE 'UTC')::date\n                          AND absence.starts_on <= (now() AT TIME ZONE 'UTC')::date) represented;\n            IF request.number <> request.revision_number\n               OR request.status <> 1 AND NOT (request.status = 5 AND NEW.verdict = 'reject') THEN\n                refused := 'it is not about an open request as it is now.';\n            ELSIF stage.revision_id <> NEW.revision_id THEN\n                refused := 'the stage is not one of its revision.';\n            ELSIF request.initiator_member_id = ANY(people) THEN\n                refused := 'neither the initiator nor a substitute of the initiator may decide.';\n            ELSIF EXISTS (\n                      SELECT FROM public.changerequests_decision decision\n                       WHERE decision.revision_id = NEW.revision_id\n                         AND (decision.member_id = ANY(people) OR decision.on_behalf_of_id = ANY(people))) THEN\n                refused := 'one person decides a revision once.';\n            ELSIF NEW.on_behalf_of_id IS NOT NULL AND NOT EXISTS (\n                      SELECT FROM public.changerequests_absence absence\n                       WHERE absence.substitute_id = NEW.member_id AND absence.member_id = NEW.on_behalf_of_id\n                         AND (now() AT TIME ZONE 'UTC')::date BETWEEN absence.starts_on AND absence.ends_on) THEN\n                refused := 'the member whom it represents is not away.';\n            ELSIF stage.group_id IS NOT NULL AND NOT EXISTS (\n                      SELECT FROM public.accounts_user_groups membership\n                        JOIN public.accounts_member member ON member.user_id = membership.user_id\n                       WHERE member.id = NEW.member_id AND membership.group_id = stage.group_id) THEN\n                refused := 'the member is not in the group of the stage.';\n            ELSIF NOT EXISTS (\n                      SELECT FROM public.accounts_member member\n                        JOIN public.accounts_user login ON login.id = member.user_id\n                       WHERE member.id = NEW.member_id AND login.is_active\n                         AND (login.is_superuser OR EXISTS (\n                              SELECT FROM public.auth_permission permission\n                                JOIN public.django_content_type subject ON subject.id = permission.content_type_id\n                               WHERE subject.app_label = 'changerequests'\n                                 AND permission.codename = 'review_changerequest'\n                                 AND (EXISTS (SELECT FROM public.accounts_user_user_permissions own\n                                               WHERE own.user_id = login.id AND own.permission_id = permission.id)\n                                      OR EXISTS (SELECT FROM public.accounts_user_groups membership\n                                                   JOIN public.auth_group_permissions given\n                                                     ON given.group_id = membership.group_id\n                                                  WHERE membership.user_id = login.id\n                                                    AND given.permission_id = permission.id))))) THEN\n                refused := 'the member is no reviewer.';\n            ELSIF request.status = 1 AND (\n                      stage.approvals <= (SELECT count(*) FROM public.changerequests_decision decision\n                                           WHERE decision.stage_id = stage.id AND decision.verdict = 'approve')\n                      OR EXISTS (\n                          SELECT FROM public.changerequests_requeststage earlier\n                           WHERE earlier.revision_id = NEW.revision_id AND earlier.position < stage.position\n                             AND earlier.approvals > (\n                                 SELECT count(*) FROM public.changerequests_decision decision\n                                  WHERE decision.stage_id = earlier.id AND decision.verdict = 'approve'))) THEN\n                refused := 'the request waits in another stage.';\n            ELSE\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused, a decision of member %: %', NEW.member_id, refused USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="07d0d4c04b84fef80454b64f47c2e38974362ef8",
                    operation="INSERT",
                    pgid="pgtrigger_decided_by_others_8b961",
                    table="changerequests_decision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="decisions_stay",
                sql=core.triggers.GuardSQL(
                    func="\n            \n        IF TG_OP = 'UPDATE' AND NEW.comment IS NULL AND (NEW.id, NEW.revision_id, NEW.stage_id, NEW.member_id, NEW.on_behalf_of_id, NEW.verdict, NEW.paths, NEW.digest, NEW.decided_at) IS NOT DISTINCT FROM (OLD.id, OLD.revision_id, OLD.stage_id, OLD.member_id, OLD.on_behalf_of_id, OLD.verdict, OLD.paths, OLD.digest, OLD.decided_at) AND \n    EXISTS (\n        SELECT FROM public.changerequests_requestsubject subject\n          JOIN public.audit_erasure erasure\n            ON erasure.kind = subject.kind AND erasure.subject_id = subject.subject_id\n         WHERE subject.request_id = (SELECT request_id FROM public.changerequests_revision WHERE id = OLD.revision_id))\n THEN\n            RETURN NEW;\n        END IF;\n    \n            RAISE EXCEPTION 'Refused: decision % is never changed or deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="8dc3d34f65ef9e1be8e2c9596ab9034ea6748e0d",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_decisions_stay_6e48d",
                    table="changerequests_decision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="decisions_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="51dced2ea335e27a976ed350e4c2466388194e87",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_decisions_are_never_emptied_113a3",
                    table="changerequests_decision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
