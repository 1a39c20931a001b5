"""Nobody is put below those that stand below them, whoever writes: the members are a tree.

Changes of managers take turns by an advisory lock that is held to the commit, so that two at once cannot each put one
under the other. A statement takes it before it locks a row. What the one before has committed is seen under READ
COMMITTED alone, so other levels are refused.
"""

from typing import Any

from django.db import IntegrityError, migrations

TREE = """
CREATE FUNCTION accounts_managers_take_turns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Managers are changed at the isolation level READ COMMITTED alone.'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('accounts_member.manager_id', 0));
    RETURN NULL;
END
$$;
-- Look-ups by index, whatever the planner knows of the table: the plan is kept while it grows.
CREATE FUNCTION accounts_members_are_a_tree() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    -- UNION, not UNION ALL: it ends.
    IF EXISTS (
        WITH RECURSIVE above (id) AS (
            SELECT NEW.manager_id
            UNION
            SELECT member.manager_id FROM accounts_member member JOIN above USING (id)
             WHERE member.manager_id IS NOT NULL
        )
        SELECT FROM above WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'Refused: member % stands above its manager %.', NEW.id, NEW.manager_id
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'members_are_a_tree';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER managers_take_turns BEFORE INSERT OR UPDATE OF id, manager_id ON accounts_member
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_managers_take_turns();
CREATE TRIGGER members_are_a_tree AFTER INSERT OR UPDATE OF id, manager_id ON accounts_member
    FOR EACH ROW WHEN (NEW.manager_id IS NOT NULL) EXECUTE FUNCTION accounts_members_are_a_tree();
"""
NO_TREE = """
DROP TRIGGER managers_take_turns ON accounts_member;
DROP TRIGGER members_are_a_tree ON accounts_member;
DROP FUNCTION accounts_managers_take_turns();
DROP FUNCTION accounts_members_are_a_tree();
"""

IN_CIRCLES = """
WITH RECURSIVE above (id, manager_id) AS (
    SELECT id, manager_id FROM accounts_member WHERE manager_id IS NOT NULL
    UNION
    SELECT above.id, member.manager_id FROM above JOIN accounts_member member ON member.id = above.manager_id
     WHERE member.manager_id IS NOT NULL
)
SELECT id FROM above WHERE id = manager_id ORDER BY id LIMIT 20
"""
REMEDY = (
    "Look at them, and take the manager from whom has none: "
    "UPDATE accounts_member SET manager_id = NULL WHERE id = ...; Then run manage.py migrate again."
)


def refuse_circles(apps: Any, schema_editor: Any) -> None:
    """Raises IntegrityError, naming members that stand above themselves: who is whose manager, people know."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(IN_CIRCLES)
        found = [str(identity) for (identity,) in cursor.fetchall()]
    if found:
        raise IntegrityError(
            f"Members stand above themselves, among them those with the ids {', '.join(found)}. {REMEDY}"
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_session_generation")]

    operations = [
        migrations.RunSQL(TREE, NO_TREE),
        migrations.RunPython(refuse_circles, migrations.RunPython.noop),
    ]
