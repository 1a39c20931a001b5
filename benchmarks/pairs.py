"""`python -m benchmarks.pairs [--contacts 100000]`: the job that finds all pairs that are possibly one person.

Fills made-up Swiss people, of whom one in a hundred is there twice, and has them compared: a quarter of them, then all.
Beside the seconds is what one pass over all keys takes, which every search for pairs has to make. The minutes for a
million are the seconds times the contacts, and times what a contact takes more among four times as many. Processor time
is that of the worker and of its connection's process in the database, which take turns: on a host that others use too,
it says more than the seconds.
"""

import argparse
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from math import log
from pathlib import Path

from benchmarks import place  # first: it sets up Django

# isort: split
from django.db import connection

from accounts.actor import system_actor
from benchmarks.__main__ import say
from benchmarks.data import tidy
from benchmarks.duplicates.make_swiss import FIRST, LAST
from benchmarks.report import Figure, table, write
from contacts.models import CONTACT_TYPES
from matching.models import DuplicateSearch, Pair
from matching.searching import run_search, start_search
from matching.services import make_keys
from schemas.models import ListItem

CONTACTS, MILLION = 100_000, 1_000_000
SEED = 20_261_128
# One contact in so many is there twice.
EACH = 100
GOAL_MINUTES = 20
# Of the rarer family names.
STARTS = "B Br D F G H K Kr L M N R S Sch St T W Z"
MIDDLES = "a e i o u ä ü au ei"
ENDS = "ber ler mann li ger ner gli ster ck nd tz rt nn ss der ni ti schi gg st"

# The most common given name has 2 percent, the most common family name 0.6. Birth dates are spread over seventy years;
# two or three people share each of the addresses in three thousand places; most have a phone and an email of their own.
FILL = """
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, 'pairs.' || number,
           jsonb_build_object(
               'personalInformation', jsonb_build_object(
                   'firstName', given, 'lastName', CASE WHEN is_copy THEN family || 'h' ELSE family END,
                   'dateOfBirth', to_char(date '1935-01-01' + (hashint4(base) & 2147483647) %% 25567, 'YYYY-MM-DD'),
                   'nationalities', jsonb_build_array('CH')),
               'contactInformation', jsonb_strip_nulls(jsonb_build_object(
                   'email', CASE WHEN base %% 10 < 7 AND NOT is_copy THEN 'p' || base || '@example.ch' END,
                   'mobile', CASE WHEN base %% 10 > 2 THEN '+4179' || lpad((base %% 10000000)::text, 7, '0') END,
                   'addresses', jsonb_build_array(jsonb_build_object(
                       'street', 'Strasse ' || chr(65 + (base / 5) %% 26) || chr(97 + (base / 130) %% 26) || 'weg',
                       'houseNumber', ((base / 5 * 2) %% 90 + 1)::text,
                       'postalCode', (1000 + (hashint4(base / 5) & 2147483647) %% 3000)::text,
                       'city', 'Ort ' || (hashint4(base / 5) & 2147483647) %% 3000))))),
           1, now()
      FROM generate_series(%(first)s, %(last)s) AS number
     CROSS JOIN LATERAL (SELECT number %% %(each)s = 0 AS is_copy) AS copies
     CROSS JOIN LATERAL (SELECT CASE WHEN is_copy THEN number - 1 ELSE number END AS base) AS bases
     CROSS JOIN LATERAL (
         SELECT (%(given)s::text[])[1 + floor(power((hashint4(base + 7) & 2147483647) / 2147483648.0, 1.2)
                    * cardinality(%(given)s::text[]))::integer] AS given,
                (%(families)s::text[])[1 + floor(power((hashint4(base + 13) & 2147483647) / 2147483648.0, 1.7)
                    * cardinality(%(families)s::text[]))::integer] AS family) AS names
"""
KEYS = "SELECT count(DISTINCT key) FROM (SELECT unnest(keys) AS key FROM matching_matchingkeys) AS each_key"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pairs", description=__doc__)
    parser.add_argument("--contacts", type=int, default=CONTACTS)
    parser.add_argument("--json", type=Path, default=place.ROOT / "var" / "pairs.json", metavar="FILE")
    options = parser.parse_args()
    place.make_place()
    families = made_up_families(6_000)
    few = measured(options.contacts // 4, families)
    many = measured(options.contacts, families)
    growth = (many["cpu"] / options.contacts) / (few["cpu"] / (options.contacts // 4))
    times = MILLION / options.contacts
    million = times * max(growth, 1.0) ** log(max(times, 1.0), 4) / 60
    name = f"pairs of {options.contacts:,} contacts"
    figures = [
        Figure(name, many["seconds"], "s", "one pass over all keys", many["seconds"] / many["pass"]),
        Figure(f"{name}, processor time", many["cpu"], "s"),
        Figure(f"{name}, processor time of one beside a quarter of them", growth, "times"),
        Figure(f"{name}, found of {options.contacts // EACH:,}", many["recall"], "", goal=0.95),
        Figure(f"{name}, all that are possible", many["pairs"], ""),
        Figure("keys of these contacts", many["keys"], "s"),
        Figure("of a million, extrapolated", many["seconds"] * million, "min", goal=GOAL_MINUTES, is_at_most=True),
        Figure("of a million, extrapolated, processor time", many["cpu"] * million, "min"),
        Figure("memory that comparing added at most", many["memory"] - few["memory before"], "MiB"),
    ]
    write(figures, options.json, contacts=options.contacts, parts=["pairs"])
    print(f"\n{table(figures)}\n\n{options.json}")


def measured(contacts: int, families: list[str]) -> dict[str, float]:
    """Fill up to so many contacts, have all compared, and return what that took."""
    say(f"fill {contacts:,} contacts")
    kind = ListItem.objects.get(list__key=CONTACT_TYPES, key="client")
    given = " ".join(FIRST.values()).split()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contacts_contact")
        (present,) = cursor.fetchone()
        cursor.execute("SET session_replication_role = replica")
        named = {"type": kind.pk, "first": present + 1, "last": contacts, "each": EACH}
        cursor.execute(FILL, {**named, "given": given, "families": families})
        cursor.execute(
            "INSERT INTO matching_matchingkeys (contact_id) SELECT id FROM contacts_contact ON CONFLICT DO NOTHING"
        )
        cursor.execute("SET session_replication_role = DEFAULT")
    found = {"keys": seconds_of(make_keys)}
    tidy("contacts_contact", "matching_matchingkeys")
    found["pass"] = min(seconds_of(_read_keys) for _ in range(3))
    DuplicateSearch.objects.all().delete()
    Pair.objects.all().delete()
    say("compare all")
    found["memory before"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    search = start_search(actor=system_actor("benchmark"))
    before = processor_seconds()
    found["seconds"] = seconds_of(lambda: run_search(search.pk, report=_shown))
    found["cpu"] = processor_seconds() - before
    search.refresh_from_db()
    assert search.status == "Completed", search.error_message
    found["pairs"] = Pair.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM matching_pair JOIN contacts_contact one ON one.id = lower_id"
            " JOIN contacts_contact other ON other.id = higher_id WHERE score >= 0.95"
            " AND substr(other.username, 7)::integer %% %s = 0"
            " AND substr(one.username, 7)::integer = substr(other.username, 7)::integer - 1",
            [EACH],
        )
        (copies,) = cursor.fetchone()
    found["recall"] = copies / (contacts // EACH)
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def made_up_families(number: int) -> list[str]:
    """Return the family names of the Swiss set, the most common ones, and others of syllables."""
    chosen = random.Random(SEED)
    starts, middles, ends = STARTS.split(), MIDDLES.split(), ENDS.split()
    names = " ".join(LAST.values()).split()
    while len(names) < number:
        name = "".join(map(chosen.choice, (starts, middles, ends, ["", "", "er", "i"])))
        if chosen.random() < 0.5:
            name = chosen.choice(["Ab", "Im", "Nieder", "Ober", "Gross", "Am"]) + name.lower()
        names.append(name)
    return names


def processor_seconds() -> float:
    """Return the processor time of this process and of the database's for its connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    # User and system time are the 14th and 15th field, of which the second may have spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _read_keys() -> None:
    with connection.cursor() as cursor:
        cursor.execute(KEYS)


def _shown(search: DuplicateSearch) -> None:
    print(f"{search.processed:,} of {search.total:,}, {search.found:,} pairs", file=sys.stderr)


if __name__ == "__main__":
    main()
