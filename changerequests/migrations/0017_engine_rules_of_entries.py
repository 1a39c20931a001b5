"""The rule of entries that name a request, for requests of every kind."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers
from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0016_engine_rules_of_revisions"),
    ]

    operations = [
        LockTables("audit_entry"),
        pgtrigger.migrations.RemoveTrigger(
            model_name="entryofrequest",
            name="request_is_approved",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entryofrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="request_is_approved",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.change_request_id IS NOT NULL)",
                    constraint="CONSTRAINT",
                    func="\n            IF NOT EXISTS (\n                SELECT FROM public.changerequests_changerequest request\n                  JOIN public.changerequests_requestsubject subject ON subject.request_id = request.id\n                 WHERE request.id = NEW.change_request_id AND request.status = 2\n                   AND subject.kind = NEW.kind AND subject.subject_id = NEW.subject_id)\n            THEN\n                RAISE EXCEPTION 'Refused: entry % names a request that is not an approved one of its subject.', NEW.id USING ERRCODE = 'integrity_constraint_violation';\n            END IF;\n            RETURN NULL;\n        ",
                    hash="74fd660925c64986920ef83a05b7d7ea85f9fcc1",
                    operation="INSERT",
                    pgid="pgtrigger_request_is_approved_48c10",
                    table="audit_entry",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
