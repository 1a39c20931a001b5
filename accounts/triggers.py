"""Database triggers that keep the members a tree, against every writer.

An advisory lock held until the commit serializes changes of managers; otherwise two concurrent changes could each put
one member below the other. A statement takes it before it locks a row. Only READ COMMITTED sees what the previous
holder has committed, so other isolation levels are refused.
"""

import pgtrigger

from core.triggers import Guard

# The constraint name in the trigger's error.
MEMBERS_ARE_A_TREE = "members_are_a_tree"

_CHANGE_OF_MANAGER = pgtrigger.Insert | pgtrigger.UpdateOf("id", "manager_id")

OF_MEMBERS = [
    Guard(
        name="managers_take_turns",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=_CHANGE_OF_MANAGER,
        func="""
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE EXCEPTION 'Managers are changed only at the isolation level READ COMMITTED.'
                    USING ERRCODE = 'invalid_transaction_state';
            END IF;
            PERFORM pg_advisory_xact_lock(hashtextextended('accounts_member.manager_id', 0));
            RETURN NULL;
        """,
    ),
    Guard(
        name="members_are_a_tree",
        when=pgtrigger.After,
        operation=_CHANGE_OF_MANAGER,
        condition=pgtrigger.Q(new__manager__isnull=False),
        # UNION, not UNION ALL, so that it terminates.
        func=f"""
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
                    USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = '{MEMBERS_ARE_A_TREE}';
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - a constant
    ),
]
