"""SQL of a batch of legal entities. Each statement processes all rows."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper

from importexport.imports.contacts.statements import STAGING

COMPARED = f"""
    SELECT asked.place, entity.id, link.group_id,
           staged.details IS NOT NULL AND entity.details IS DISTINCT FROM staged.details
      FROM unnest(%s::int[], %s::text[]) AS asked (place, external_id)
      JOIN legalentities_legalentity entity ON entity.external_id = asked.external_id
      JOIN contactgroups_linkedentity link ON link.entity_type = entity.link_type AND link.entity_id = entity.id
      LEFT JOIN {STAGING} staged ON staged.place = asked.place
"""  # noqa: S608 - a constant name
# With whether one that is pending approval has only reserved it.
KNOWN = """
    WITH asked AS MATERIALIZED (SELECT %s::text[] AS ids)
    SELECT external_id, false FROM legalentities_legalentity WHERE external_id = ANY((SELECT ids FROM asked)::text[])
     UNION ALL
    SELECT external_id, true FROM legalentities_waitinglegalentity
     WHERE external_id = ANY((SELECT ids FROM asked)::text[])
"""
CONTACTS = """
    SELECT id, anonymized_at IS NOT NULL FROM contacts_contact WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
GROUPS = """
    SELECT id FROM contactgroups_contactgroup WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
LOCKED = """
    SELECT id, version, details::text FROM legalentities_legalentity WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
MEMBERSHIPS = """
    SELECT group_id, contact_id, access_policy_id FROM contactgroups_groupmembership WHERE group_id = ANY(%s)
"""
NEW_IDS = """
    SELECT nextval(pg_get_serial_sequence('legalentities_legalentity', 'id')),
           nextval(pg_get_serial_sequence('contactgroups_contactgroup', 'id')) FROM generate_series(1, %s)
"""
WAITING_IDS = """
    SELECT nextval(pg_get_serial_sequence('legalentities_legalentity', 'id')) FROM generate_series(1, %s)
"""
INSERT_WAITING = """
    INSERT INTO legalentities_waitinglegalentity (id, uid, name, external_id)
    SELECT waiting.id, gen_random_uuid(), waiting.name, waiting.external_id
      FROM unnest(%s::int[], %s::text[], %s::text[]) AS waiting (id, name, external_id)
"""
INSERT_WAITING_MEMBERSHIPS = """
    INSERT INTO legalentities_waitingmembership (legal_entity_id, contact_id)
    SELECT * FROM unnest(%s::int[], %s::int[])
"""
INSERT_GROUPS = """
    INSERT INTO contactgroups_contactgroup (id, created_at) SELECT new.id, %s FROM unnest(%s::int[]) AS new (id)
"""
INSERT_LINKS = """
    INSERT INTO contactgroups_linkedentity (group_id, entity_type, entity_id)
    SELECT new.group_id, 'LegalEntity', new.id FROM unnest(%s::int[], %s::int[]) AS new (group_id, id)
"""
INSERT = f"""
    INSERT INTO legalentities_legalentity (id, uid, external_id, details, version, created_at)
    SELECT new.id, gen_random_uuid(), new.external_id, staged.details, 1, %s
      FROM unnest(%s::int[], %s::int[], %s::text[]) AS new (place, id, external_id)
      JOIN {STAGING} staged ON staged.place = new.place
"""  # noqa: S608 - a constant name
UPDATE = f"""
    UPDATE legalentities_legalentity entity SET details = staged.details, version = changed.version
      FROM unnest(%s::int[], %s::int[], %s::int[]) AS changed (place, id, version)
      JOIN {STAGING} staged ON staged.place = changed.place
     WHERE entity.id = changed.id
"""  # noqa: S608 - a constant name
JOIN_GROUPS = """
    INSERT INTO contactgroups_groupmembership (group_id, contact_id, access_policy_id)
    SELECT * FROM unnest(%s::int[], %s::int[], %s::int[])
    ON CONFLICT (group_id, contact_id) DO UPDATE SET access_policy_id = EXCLUDED.access_policy_id
"""
LEAVE_GROUPS = """
    DELETE FROM contactgroups_groupmembership membership
     USING unnest(%s::int[], %s::int[]) AS gone (group_id, contact_id)
     WHERE membership.group_id = gone.group_id AND membership.contact_id = gone.contact_id
"""


def by_columns(cursor: CursorWrapper, statement: str, rows: Sequence[tuple[Any, ...]], *first: Any) -> None:
    """Run a statement with the columns of the rows as array parameters. Does nothing without rows."""
    if rows:
        cursor.execute(statement, [*first, *(list(column) for column in zip(*rows, strict=True))])
