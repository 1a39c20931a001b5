"""The triggers of members are declared beside their model from now on, and take the place of those before.

Both are there until the transaction ends: the rows are guarded all the time. Each table has a migration of its own,
since locks of several tables could meet others in a deadlock.
"""

from importlib import import_module

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers

BEFORE = import_module("accounts.migrations.0005_members_are_a_tree")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_rename_idempotency_record")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="member",
            trigger=pgtrigger.compiler.Trigger(
                name="managers_take_turns",
                sql=core.triggers.GuardSQL(
                    func="""
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE EXCEPTION 'Managers are changed only at the isolation level READ COMMITTED.'
                    USING ERRCODE = 'invalid_transaction_state';
            END IF;
            PERFORM pg_advisory_xact_lock(hashtextextended('accounts_member.manager_id', 0));
            RETURN NULL;
        """,
                    hash="04d623e7100739e815f285eca8c5d0c81391a444",
                    level="STATEMENT",
                    operation='INSERT OR UPDATE OF "id", "manager_id"',
                    pgid="pgtrigger_managers_take_turns_3d711",
                    table="accounts_member",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="member",
            trigger=pgtrigger.compiler.Trigger(
                name="members_are_a_tree",
                sql=core.triggers.GuardSQL(
                    condition='WHEN (NEW."manager_id" IS NOT NULL)',
                    func="""
            IF EXISTS (
                WITH RECURSIVE above (id) AS (
                    SELECT NEW.manager_id
                    UNION
                    SELECT member.manager_id FROM public.accounts_member member JOIN above USING (id)
                     WHERE member.manager_id IS NOT NULL
                )
                SELECT FROM above WHERE id = NEW.id
            ) THEN
                RAISE EXCEPTION 'Refused: member % stands above its manager %.', NEW.id, NEW.manager_id
                    USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'members_are_a_tree';
            END IF;
            RETURN NULL;
        """,
                    hash="5f3320fcbd67f6734359ffbda9c9fc059eb32c32",
                    operation='INSERT OR UPDATE OF "id", "manager_id"',
                    pgid="pgtrigger_members_are_a_tree_af6bd",
                    table="accounts_member",
                    when="AFTER",
                ),
            ),
        ),
        migrations.RunSQL(BEFORE.NO_TREE, BEFORE.TREE),
    ]
