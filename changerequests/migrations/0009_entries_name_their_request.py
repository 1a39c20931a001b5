"""The ledger's entry names its request from now on, and the request no longer its entry.

The column stays for the previous version, with its constraint: its processes still write it, and a trigger hands over what
they write. A later version drops both.
"""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_entries"), ("changerequests", "0008_triggers_of_requests")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("changerequest", "approved_requests_alone_have_a_change_set"),
                migrations.RemoveField("changerequest", "change_set"),
            ]
        ),
        pgtrigger.migrations.RemoveTrigger(model_name="changerequest", name="decided_once"),
        pgtrigger.migrations.AddTrigger(
            model_name="changerequest",
            trigger=pgtrigger.compiler.Trigger(
                name="decided_once",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE refused text; values_are_taken boolean := false;",
                    func="""
            IF TG_OP = 'UPDATE' AND current_setting('kontor.anonymizing', true) = 'on' THEN
                values_are_taken :=
                    NEW.changes = public.contacts_without_values(OLD.changes)
                    AND NEW.initiator_comment IS NULL
                    AND NEW.review_comment IS NULL
                    AND EXISTS (
                        SELECT FROM public.contacts_contact WHERE id = OLD.contact_id AND anonymized_at IS NOT NULL);
            END IF;
            IF TG_OP = 'DELETE' THEN
                refused := 'change requests are never deleted.';
            ELSIF (NEW.id, NEW.uid, NEW.contact_id, NEW.initiator_member_id, NEW.paths)
                  IS DISTINCT FROM (OLD.id, OLD.uid, OLD.contact_id, OLD.initiator_member_id, OLD.paths) THEN
                refused := 'what was asked for, and by whom, stays as it is.';
            ELSIF (NEW.changes, NEW.initiator_comment) IS DISTINCT FROM (OLD.changes, OLD.initiator_comment)
                  AND NOT values_are_taken THEN
                refused := 'what was asked for stays as it is.';
            ELSIF OLD.status <> 1 AND
                  (NEW.status, NEW.created_at, NEW.reviewed_at, NEW.review_member_id, NEW.change_set_id)
                  IS DISTINCT FROM
                  (OLD.status, OLD.created_at, OLD.reviewed_at, OLD.review_member_id, OLD.change_set_id) THEN
                refused := 'it is decided.';
            ELSIF OLD.status <> 1 AND NEW.review_comment IS DISTINCT FROM OLD.review_comment
                  AND NOT values_are_taken THEN
                refused := 'it is decided.';
            ELSIF NEW.change_set_id IS NOT NULL AND NOT EXISTS (
                      SELECT FROM public.audit_entry
                       WHERE id = NEW.change_set_id AND kind = 'contact-details' AND subject_id = NEW.contact_id) THEN
                refused := 'the change set is not its contact''s.';
            ELSE
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'Refused for change request %: %', OLD.id, refused USING ERRCODE = 'integrity_constraint_violation';
        """,
                    hash="51832253b832b7a0fd9d7cc5aa55714fe4a7f32b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_decided_once_fbe72",
                    table="changerequests_changerequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="changerequest",
            trigger=pgtrigger.compiler.Trigger(
                name="entry_takes_over_request",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.change_set_id IS NOT NULL AND OLD.change_set_id IS NULL)",
                    func="""
            UPDATE public.audit_entry SET change_request_id = NEW.id
             WHERE id = NEW.change_set_id AND change_request_id IS NULL;
            RETURN NULL;
        """,
                    hash="670196eb1d0b1fa55039b89334f10453fff5e916",
                    operation='UPDATE OF "change_set_id"',
                    pgid="pgtrigger_entry_takes_over_request_23d1f",
                    table="changerequests_changerequest",
                    when="AFTER",
                ),
            ),
        ),
    ]
