"""The triggers of change requests are declared beside their model from now on, and take the place of those before.

Both are there until the transaction ends: the rows are guarded all the time. Each table has a migration of its own,
since locks of several tables could meet others in a deadlock.
"""

from importlib import import_module

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers

INVARIANTS = import_module("changerequests.migrations.0004_invariants")
PENDING = import_module("changerequests.migrations.0006_requests_begin_pending")


class Migration(migrations.Migration):
    dependencies = [("changerequests", "0007_subject")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="changerequest",
            trigger=pgtrigger.compiler.Trigger(
                name="begun_pending",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.status <> 1 OR NEW.review_member_id IS NOT NULL OR NEW.reviewed_at IS NOT NULL OR NEW.review_comment IS NOT NULL OR NEW.change_set_id IS NOT NULL OR NEW.is_outcome_due)",
                    func="RAISE EXCEPTION 'Refused for contact %: a change request begins pending, and is decided afterwards.', NEW.contact_id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="b5d922c0ea046c2ae8de23855f5bf1d893c190bf",
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
                      SELECT FROM public.contacts_changeset
                       WHERE id = NEW.change_set_id AND contact_id = NEW.contact_id) THEN
                refused := 'the change set is not its contact''s.';
            ELSE
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'Refused for change request %: %', OLD.id, refused USING ERRCODE = 'integrity_constraint_violation';
        """,
                    hash="b5e4016a5975fde41e6696072b611a4282863013",
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
                name="requests_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="3d64350f536470c792112bcc81e760eb4e430b0a",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_requests_are_never_emptied_ddfbc",
                    table="changerequests_changerequest",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(PENDING.NO_BEGIN, PENDING.BEGIN),
        migrations.RunSQL(INVARIANTS.UNGUARD, INVARIANTS.GUARD),
    ]
