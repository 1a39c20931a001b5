"""What an entry's request is: one that exists, and an approved one of the entry's subject."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers
from core.migration_operations import LockTables

REFERENCE = """
ALTER TABLE public.audit_entry ADD CONSTRAINT entry_change_request_exists
    FOREIGN KEY (change_request_id) REFERENCES public.changerequests_changerequest (id)
    DEFERRABLE INITIALLY DEFERRED NOT VALID;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0009_entries_name_their_request"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [
        LockTables("changerequests_changerequest", "audit_entry"),
        migrations.RunSQL(REFERENCE),
        migrations.CreateModel(
            name="EntryOfRequest",
            fields=[],
            options={"proxy": True, "default_permissions": (), "indexes": [], "constraints": []},
            bases=("audit.entry",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entryofrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="request_is_approved",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.change_request_id IS NOT NULL)",
                    constraint="CONSTRAINT",
                    func="""
            IF NOT EXISTS (
                SELECT FROM public.changerequests_changerequest
                 WHERE id = NEW.change_request_id AND status = 2
                   AND NEW.kind = 'contact-details' AND contact_id = NEW.subject_id)
            THEN
                RAISE EXCEPTION 'Refused: entry % names a request that is not an approved one of its subject.', NEW.id USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        """,
                    hash="1e22460cc62156da184f8d6075551fb11025bcf3",
                    operation="INSERT",
                    pgid="pgtrigger_request_is_approved_48c10",
                    table="audit_entry",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
