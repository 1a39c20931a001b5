"""Entries commit to their values and are chained. What was there before is chained later, in the background."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers
from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_index_of_transactions")]

    operations = [
        LockTables("audit_entry"),
        pgtrigger.migrations.RemoveTrigger(
            model_name="entry",
            name="entries_are_append_only",
        ),
        migrations.AddField(
            model_name="entry",
            name="commitments",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="correlation_id",
            field=models.CharField(editable=False, max_length=128, null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="entry_hash",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="salt",
            field=models.BinaryField(null=True),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="entries_are_chained",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE previous bytea;",
                    func="\n            IF NEW.commitments IS NULL THEN\n                RETURN NEW;\n            END IF;\n            IF octet_length(NEW.commitments) <> 96 OR octet_length(NEW.salt) IS DISTINCT FROM 16 THEN\n                RAISE EXCEPTION 'Refused: an entry of % % is not committed to in full.', NEW.kind, NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';\n            END IF;\n            IF NEW.sequence = 1 THEN\n                previous := decode(repeat('00', 32), 'hex');\n            ELSE\n                SELECT entry_hash INTO previous FROM public.audit_entry\n                 WHERE kind = NEW.kind AND subject_id = NEW.subject_id AND sequence = NEW.sequence - 1;\n            END IF;\n            NEW.entry_hash := sha256(\n                'kontor-entry-1\\012'::bytea || previous || NEW.commitments || convert_to(concat(\n                    NEW.kind, E'\\n', NEW.subject_id, E'\\n', NEW.sequence, E'\\n',\n                    (extract(epoch FROM NEW.recorded_at) * 1000000)::bigint, E'\\n',\n                    NEW.initiator_member_id, E'\\n', NEW.initiator_contact_id, E'\\n',\n                    NEW.initiator_application_id, E'\\n', NEW.change_request_id, E'\\n',\n                    NEW.correlation_id, E'\\n', NEW.initiator_system), 'UTF8'));\n            RETURN NEW;\n",
                    hash="dad43f6858c9e6d3177e0fcc2df83ff65a67b1ac",
                    operation="INSERT",
                    pgid="pgtrigger_entries_are_chained_a9890",
                    table="audit_entry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="entries_are_append_only",
                sql=core.triggers.GuardSQL(
                    func="\n            IF TG_OP = 'UPDATE'\n               AND (NEW.id, NEW.kind, NEW.subject_id, NEW.sequence, NEW.recorded_at, NEW.paths, NEW.initiator_system)\n                   = (OLD.id, OLD.kind, OLD.subject_id, OLD.sequence, OLD.recorded_at, OLD.paths, OLD.initiator_system)\n               AND (NEW.transaction_id, NEW.initiator_member_id, NEW.initiator_contact_id, NEW.initiator_application_id)\n                   IS NOT DISTINCT FROM\n                   (OLD.transaction_id, OLD.initiator_member_id, OLD.initiator_contact_id, OLD.initiator_application_id)\n               AND NEW.correlation_id IS NOT DISTINCT FROM OLD.correlation_id\n            THEN\n                IF OLD.entry_hash IS NULL\n                   AND octet_length(NEW.entry_hash) = 32 AND octet_length(NEW.commitments) = 96\n                   AND (NEW.change_request_id, NEW.changes, NEW.comment)\n                       IS NOT DISTINCT FROM (OLD.change_request_id, OLD.changes, OLD.comment)\n                   AND (OLD.commitments IS NULL\n                        OR (NEW.salt, NEW.commitments) IS NOT DISTINCT FROM (OLD.salt, OLD.commitments))\n                THEN\n                    RETURN NEW;\n                END IF;\n                IF (NEW.commitments, NEW.entry_hash) IS DISTINCT FROM (OLD.commitments, OLD.entry_hash) THEN\n                    RAISE EXCEPTION 'The ledger is append-only: % of entry % refused.', TG_OP, OLD.id USING ERRCODE = 'integrity_constraint_violation';\n                END IF;\n                IF NEW.change_request_id IS NOT DISTINCT FROM OLD.change_request_id\n                   AND NEW.comment IS NULL\n                   AND NEW.changes = public.contacts_without_values(OLD.changes)\n                   AND EXISTS (\n                       SELECT FROM public.audit_erasure WHERE kind = OLD.kind AND subject_id = OLD.subject_id)\n                THEN\n                    NEW.salt := CASE WHEN (NEW.changes, NEW.comment) IS NOT DISTINCT FROM (OLD.changes, OLD.comment)\n                                     THEN OLD.salt END;\n                    RETURN NEW;\n                END IF;\n                IF OLD.change_request_id IS NULL AND OLD.entry_hash IS NULL\n                   AND (NEW.changes, NEW.comment, NEW.salt)\n                       IS NOT DISTINCT FROM (OLD.changes, OLD.comment, OLD.salt)\n                   AND EXISTS (\n                       SELECT FROM public.changerequests_changerequest\n                        WHERE id = NEW.change_request_id AND change_set_id = OLD.id)\n                THEN\n                    RETURN NEW;\n                END IF;\n            END IF;\n            RAISE EXCEPTION 'The ledger is append-only: % of entry % refused.', TG_OP, OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="c699f599396a301d387cedb5121d00c97725371a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_entries_are_append_only_6ce1e",
                    table="audit_entry",
                    when="BEFORE",
                ),
            ),
        ),
    ]
