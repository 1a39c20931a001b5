"""Requests say whether an import brought their subjects together."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers
from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0018_engine_validated"),
    ]

    operations = [
        LockTables("changerequests_changerequest"),
        pgtrigger.migrations.RemoveTrigger(
            model_name="changerequest",
            name="decided_once",
        ),
        migrations.AddField(
            model_name="changerequest",
            name="source",
            field=models.CharField(
                blank=True,
                choices=[("import", "Import")],
                db_default="",
                default="",
                max_length=20,
                verbose_name="source",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="changerequest",
            trigger=pgtrigger.compiler.Trigger(
                name="decided_once",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE refused text; is_erased boolean := false;",
                    func="\n            IF TG_OP = 'UPDATE' THEN\n                is_erased := NEW.initiator_comment IS NULL AND NEW.review_comment IS NULL AND NEW.digest_salt = ''\n                    AND \n    EXISTS (\n        SELECT FROM public.changerequests_requestsubject subject\n          JOIN public.audit_erasure erasure\n            ON erasure.kind = subject.kind AND erasure.subject_id = subject.subject_id\n         WHERE subject.request_id = OLD.id)\n;\n            END IF;\n            IF TG_OP = 'DELETE' THEN\n                refused := 'change requests are never deleted.';\n            ELSIF NEW.change_set_id IS DISTINCT FROM OLD.change_set_id\n                  AND (OLD.contact_id IS NULL OR OLD.change_set_id IS NOT NULL) THEN\n                refused := 'the ledger names the request of an entry.';\n            ELSIF (NEW.id, NEW.uid, NEW.kind, NEW.source, NEW.subject_id, NEW.initiator_member_id, NEW.initiator_application_id, NEW.initiator_system, NEW.language) IS DISTINCT FROM (OLD.id, OLD.uid, OLD.kind, OLD.source, OLD.subject_id, OLD.initiator_member_id, OLD.initiator_application_id, OLD.initiator_system, OLD.language) THEN\n                refused := 'what was asked for, and by whom, stays as it is.';\n            ELSIF (NEW.initiator_comment, NEW.digest_salt) IS DISTINCT FROM (OLD.initiator_comment, OLD.digest_salt)\n                  AND NOT is_erased THEN\n                refused := 'what was asked for stays as it is.';\n            ELSIF NEW.created_at <> OLD.created_at AND (\n                      NEW.created_at > OLD.created_at OR OLD.status NOT IN (1, 5)) THEN\n                refused := 'it is not younger than it was.';\n            ELSIF OLD.status NOT IN (1, 5) AND\n                  (NEW.status, NEW.revision_number, NEW.paths, NEW.reviewed_at, NEW.review_member_id)\n                  IS DISTINCT FROM\n                  (OLD.status, OLD.revision_number, OLD.paths, OLD.reviewed_at, OLD.review_member_id) THEN\n                refused := 'it is decided.';\n            ELSIF OLD.status NOT IN (1, 5) AND NEW.review_comment IS DISTINCT FROM OLD.review_comment\n                  AND NOT is_erased THEN\n                refused := 'it is decided.';\n            ELSIF NEW.revision_number = OLD.revision_number AND NEW.paths <> OLD.paths THEN\n                refused := 'what was asked for stays as it is.';\n            ELSIF NEW.revision_number <> OLD.revision_number AND (\n                      NEW.status <> 1 OR NEW.revision_number <> OLD.revision_number + 1 OR NOT EXISTS (\n                          SELECT FROM public.changerequests_revision\n                           WHERE request_id = NEW.id AND number = NEW.revision_number)) THEN\n                refused := 'revisions follow each other, and each waits for review.';\n            ELSIF OLD.status = 5 AND NEW.status = 1\n                  AND NEW.revision_number = OLD.revision_number THEN\n                refused := 'it waits for its initiator.';\n            ELSIF NEW.status <> OLD.status AND NEW.status = 2 AND (\n                      OLD.status <> 1 OR NOT \n    EXISTS (\n        SELECT FROM public.changerequests_decision decision\n          JOIN public.changerequests_revision revision ON revision.id = decision.revision_id\n         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n           AND decision.verdict = 'approve' AND decision.member_id = NEW.review_member_id)\n OR EXISTS (\n    SELECT FROM public.changerequests_requeststage stage\n      JOIN public.changerequests_revision revision ON revision.id = stage.revision_id\n     WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n       AND stage.approvals > (\n           SELECT count(*) FROM public.changerequests_decision decision\n            WHERE decision.stage_id = stage.id AND decision.verdict = 'approve')\n)\n                      OR NOT EXISTS (\n                          SELECT FROM public.changerequests_requeststage stage\n                            JOIN public.changerequests_revision revision ON revision.id = stage.revision_id\n                           WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number)) THEN\n                refused := 'approvals are missing.';\n            ELSIF NEW.status <> OLD.status AND NEW.status = 3 AND NOT \n    EXISTS (\n        SELECT FROM public.changerequests_decision decision\n          JOIN public.changerequests_revision revision ON revision.id = decision.revision_id\n         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n           AND decision.verdict = 'reject' AND decision.member_id = NEW.review_member_id)\n THEN\n                refused := 'nobody has rejected it.';\n            ELSIF NEW.status <> OLD.status AND NEW.status = 5 AND NOT \n    EXISTS (\n        SELECT FROM public.changerequests_decision decision\n          JOIN public.changerequests_revision revision ON revision.id = decision.revision_id\n         WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number\n           AND decision.verdict = 'return' AND decision.member_id = NEW.review_member_id)\n THEN\n                refused := 'nobody has returned it.';\n            ELSE\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused for change request %: %', OLD.id, refused USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="4f03343cf47041cc392fe16c5fea6c5b126583bd",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_decided_once_fbe72",
                    table="changerequests_changerequest",
                    when="BEFORE",
                ),
            ),
        ),
    ]
