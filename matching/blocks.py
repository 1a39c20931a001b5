"""Which of many contacts are worth comparing: pairs that share keys, found by SQL.

Two contacts are compared if they share a key of what is a person's own (email, phone, tax number), or keys of two
sorts. Namesakes are not, if they share nothing else: a large list would have thousands of them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from django.db import connection, transaction

from matching.keys import OWN, SORT_BITS

# More contacts than this share a key: it says next to nothing, and all their pairs would be very many.
MOST_IN_BLOCK: Final = 100
# Sorting the keys of all contacts for each slice takes longer than looking each up in a hash of the slice's.
_PLANNER: Final = "SELECT set_config('work_mem', '128MB', true), set_config('enable_mergejoin', 'off', true)"
# Of both ways to find pairs, over rows (one, other, key): the sorts as bits, of which the first is that of one's own.
_SORTS: Final = f"bit_or(1 << (key & {SORT_BITS})::integer)"
_WORTH_IT: Final = f"HAVING {_SORTS} & {1 << OWN} <> 0 OR {_SORTS} & ({_SORTS} - 1) <> 0"
_CROWDED: Final = f"""
    SELECT key FROM (SELECT unnest(keys) AS key FROM matching_matchingkeys) AS each_key
     GROUP BY key HAVING count(*) > {MOST_IN_BLOCK}
"""  # noqa: S608 - a constant
# A hash of the slice's keys, and one pass over those of all contacts behind it: each pair once, by its lower id.
_OF_SLICE: Final = f"""
    SELECT lower.contact_id, higher.contact_id
      FROM (SELECT contact_id, unnest(keys) AS key FROM matching_matchingkeys
             WHERE contact_id > %(after)s AND contact_id <= %(until)s) AS lower
      JOIN (SELECT contact_id, unnest(keys) AS key FROM matching_matchingkeys
             WHERE contact_id > %(after)s) AS higher USING (key)
     WHERE higher.contact_id > lower.contact_id AND key <> ALL(%(crowded)s::bigint[])
     GROUP BY lower.contact_id, higher.contact_id
     {_WORTH_IT}
"""  # noqa: S608 - constants
# One search by the index per key.
_SHARING: Final = f"""
    SELECT place, contact_id
      FROM unnest(%(places)s::integer[], %(keys)s::bigint[]) AS asked (place, key)
     CROSS JOIN LATERAL (
           SELECT array_agg(contact_id) AS ids
             FROM (SELECT contact_id FROM matching_matchingkeys WHERE keys @> ARRAY[asked.key]
                    LIMIT {MOST_IN_BLOCK + 1}) AS first_ones
     ) AS block
     CROSS JOIN unnest(ids) AS contact_id
     WHERE cardinality(ids) <= {MOST_IN_BLOCK}
     GROUP BY place, contact_id
     {_WORTH_IT}
"""  # noqa: S608 - constants


def is_worth_it(shared: Collection[int]) -> bool:
    """Return whether two who share these keys are worth comparing: the same rule as that of the statements."""
    sorts = {key & SORT_BITS for key in shared}
    return OWN in sorts or len(sorts) > 1


def crowded_keys() -> list[int]:
    """Return the keys that more than MOST_IN_BLOCK contacts share."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PLANNER)
        cursor.execute(_CROWDED)
        return [key for (key,) in cursor.fetchall()]


def pairs_of_slice(*, after: int, until: int, crowded: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs whose lower contact has an id after `after`, up to `until`, and that are worth comparing."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PLANNER)
        cursor.execute(_OF_SLICE, {"after": after, "until": until, "crowded": list(crowded)})
        return list(cursor.fetchall())


def sharing(keys: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """Return, for the keys at each place, the ids of contacts that are worth comparing. Runs one statement."""
    asked = [(place, key) for place, found in keys.items() for key in found]
    if not asked:
        return {}
    places, sought = zip(*asked, strict=True)
    found: dict[int, list[int]] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        # How many contacts a key finds is guessed far too high: all of them would be read for each key.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(_SHARING, {"places": list(places), "keys": list(sought)})
        for place, contact_id in cursor.fetchall():
            found.setdefault(place, []).append(contact_id)
        cursor.execute("SET LOCAL enable_seqscan = on")
    return found
