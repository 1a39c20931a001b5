"""The triggers of change sets are declared beside their model from now on, and take the place of those before.

Both are there until the transaction ends: the rows are guarded all the time. Each table has a migration of its own,
since locks of several tables could meet others in a deadlock.
"""

from importlib import import_module

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers

APPEND_ONLY = import_module("contacts.migrations.0003_history_is_append_only")
INVARIANTS = import_module("contacts.migrations.0005_invariants")
BY_INDEX = import_module("contacts.migrations.0009_history_follows_versions_by_index")

# What anonymization does to the values of a history, called by triggers and by Kontor itself.
HELPER = "ALTER FUNCTION public.contacts_without_values(jsonb) SET search_path = pg_catalog, pg_temp"
UNFIXED_HELPER = "ALTER FUNCTION public.contacts_without_values(jsonb) RESET search_path"


class Migration(migrations.Migration):
    # Those whose triggers called a function of this app, which goes here.
    dependencies = [
        ("contacts", "0015_triggers_of_contacts"),
        ("changerequests", "0008_triggers_of_requests"),
        ("legalentities", "0007_triggers_of_their_history"),
    ]

    operations = [
        migrations.RunSQL(HELPER, UNFIXED_HELPER),
        pgtrigger.migrations.AddTrigger(
            model_name="changeset",
            trigger=pgtrigger.compiler.Trigger(
                name="history_follows_versions",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE odd record;",
                    func="""
            SELECT written.contact_id, written.version INTO odd
              FROM written
             WHERE written.version <> (
                       SELECT contact.version FROM public.contacts_contact contact
                        WHERE contact.id = written.contact_id)
                OR written.version > 1 AND (
                       SELECT before.version FROM public.contacts_changeset before
                        WHERE before.contact_id = written.contact_id AND before.version = written.version - 1) IS NULL
             LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'Refused: a change set of version % does not follow in the history of contact %.', odd.version, odd.contact_id USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        """,
                    hash="fdfd83ab601fa3c0d6c57d8f690d1386ba004c36",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_history_follows_versions_bc2a7",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_changeset",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="changeset",
            trigger=pgtrigger.compiler.Trigger(
                name="history_is_append_only",
                sql=core.triggers.GuardSQL(
                    func="""
            IF TG_OP = 'UPDATE'
               AND current_setting('kontor.anonymizing', true) = 'on'
               AND (NEW.id, NEW.contact_id, NEW.version, NEW.executed_at, NEW.paths, NEW.initiator_system)
                   = (OLD.id, OLD.contact_id, OLD.version, OLD.executed_at, OLD.paths, OLD.initiator_system)
               AND (NEW.initiator_member_id, NEW.initiator_contact_id, NEW.initiator_application_id)
                   IS NOT DISTINCT FROM
                   (OLD.initiator_member_id, OLD.initiator_contact_id, OLD.initiator_application_id)
               AND NEW.comment IS NULL
               AND NEW.changes = public.contacts_without_values(OLD.changes)
               AND EXISTS (
                   SELECT FROM public.contacts_contact WHERE id = OLD.contact_id AND anonymized_at IS NOT NULL)
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'The history is append-only: % of change set % refused.', TG_OP, OLD.id USING ERRCODE = 'integrity_constraint_violation';
        """,
                    hash="2c3daaf880ff5d4a211dc16f1a01b753ab506855",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_history_is_append_only_27fd1",
                    table="contacts_changeset",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="changeset",
            trigger=pgtrigger.compiler.Trigger(
                name="history_is_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="f7eb884c9b82f8f896f34d8560e90e7dc0e09f84",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_history_is_never_emptied_f4937",
                    table="contacts_changeset",
                    when="BEFORE",
                ),
            ),
        ),
        # Undone from the last to the first: the functions of later migrations replace those of earlier ones.
        migrations.RunSQL(migrations.RunSQL.noop, BY_INDEX.FUNCTION.format(no_version_before=BY_INDEX.BY_VALUE)),
        migrations.RunSQL(INVARIANTS.NO_VERSIONS, INVARIANTS.VERSIONS),
        migrations.RunSQL(INVARIANTS.NO_HISTORY, INVARIANTS.HISTORY),
        migrations.RunSQL(APPEND_ONLY.DROP, APPEND_ONLY.CREATE),
    ]
