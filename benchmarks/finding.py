"""Finding contacts: eight kinds of question, each with many different ones, as whole requests in this process.

The yardstick is the statement that somebody would write by hand for that kind of question, over the same keys.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

from django.db import connection
from django.test import Client

from benchmarks.data import tidy
from benchmarks.report import Figure, ratio
from benchmarks.rounds import timed
from benchmarks.searching import client_of, member_of, posted

QUESTIONS = 30
SEED = 20_261_128
PATH = "/v1.0/contacts/search"
PAGE = 20
# The p95 of each kind in milliseconds, and at most so many times as long as by hand.
GOAL, GOAL_RATIO = 150, 2

SAMPLE = """
    SELECT details #>> '{personalInformation,firstName}', details #>> '{personalInformation,lastName}',
           details #>> '{contactInformation,mobile}', details #>> '{contactInformation,email}',
           details #>> '{personalInformation,dateOfBirth}', username,
           details #>> '{contactInformation,addresses,0,city}', uid::text
      FROM contacts_contact WHERE id = ANY(%s)
"""
# As somebody would find them who knows the keys: as many as there may be on all pages, and those of a page by name.
BY_HAND = """
    WITH found AS MATERIALIZED (SELECT contact_id FROM contacts_searchkeys WHERE {condition} LIMIT 1000)
    SELECT contact.id, contact.uid, contact.name, contact.type_id, (SELECT count(*) FROM found)
      FROM found JOIN contacts_contact contact ON contact.id = found.contact_id ORDER BY contact.id LIMIT 20
"""
# The word by hand that is most alike, and who has it.
MISSPELT = """keys LIKE '%% ' || (SELECT word FROM contacts_searchword WHERE word %% kontor_folded(%s)
    ORDER BY similarity(word, kontor_folded(%s)) DESC LIMIT 1) || ' %%'"""
HAS = "keys LIKE '%%' || kontor_folded(%s) || '%%'"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked, made of a person's first name, last name, mobile, email, birth date, username, city and uid, and
    the condition by hand with its values."""

    name: str
    query: Callable[[list[str]], str]
    condition: str
    values: Callable[[list[str]], list[str]]


def _misspelt(name: str) -> str:
    """Two letters in the middle change places."""
    middle = len(name) // 2
    return name[: middle - 1] + name[middle] + name[middle - 1] + name[middle + 1 :]


def _digits(mobile: str) -> str:
    return "".join(filter(str.isdecimal, mobile))


KINDS = (
    Kind("name", lambda p: f"{p[1]} {p[0]}", f"{HAS} AND {HAS}", lambda p: [p[1], p[0]]),
    Kind("part of a name", lambda p: p[1][1:], HAS, lambda p: [p[1][1:]]),
    Kind("misspelt name", lambda p: _misspelt(p[1]), MISSPELT, lambda p: [_misspelt(p[1])] * 2),
    Kind("phone", lambda p: p[2], "keys LIKE '%%' || %s || ' %%'", lambda p: [_digits(p[2])[2:]]),
    Kind(
        "email",
        lambda p: p[3],
        "keys LIKE '%%' || kontor_words(%s) || '%%'",
        lambda p: [p[3]],
    ),
    Kind("birth date", lambda p: p[4], "keys LIKE '%% d' || %s || ' %%'", lambda p: [p[4].replace("-", "")]),
    Kind("username", lambda p: p[5], "keys LIKE '%%' || kontor_words(%s) || '%%'", lambda p: [p[5]]),
    Kind("city and name", lambda p: f"{p[1]} {p[6]}", f"{HAS} AND {HAS}", lambda p: [p[1], p[6]]),
)


def measure() -> list[Figure]:
    """Measure the p95 of each kind, and its median beside that of the statement by hand."""
    tidy("contacts_searchkeys", "contacts_searchword")
    client = client_of(member_of("finder", sees_all_contacts=True), "contacts.read")
    people = _people()
    return [figure for kind in KINDS for figure in _measured(kind, client, people)]


def _people() -> list[list[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM contacts_contact")
        first, last = cursor.fetchone()
        chosen = random.Random(SEED).sample(range(first, last + 1), 4 * QUESTIONS)
        cursor.execute(SAMPLE, [chosen])
        return [list(row) for row in cursor.fetchall() if all(row) and len(row[1]) >= 5 and row[1].isalpha()][
            :QUESTIONS
        ]


def _measured(kind: Kind, client: Client, people: list[list[str]]) -> list[Figure]:
    ours: list[float] = []
    by_hand: list[float] = []
    for person in people:
        query, values = kind.query(person), kind.values(person)
        assert posted(client, PATH, {"query": query, "pageSize": PAGE})["totalCount"], (kind.name, query)

        def ask(query: str = query) -> None:
            posted(client, PATH, {"query": query, "pageSize": PAGE})

        def ask_by_hand(values: list[str] = values) -> None:
            with connection.cursor() as cursor:
                cursor.execute(BY_HAND.format(condition=kind.condition), values)
                cursor.fetchall()

        found = timed({"ours": ask, "by hand": ask_by_hand}, rounds=2)
        ours.append(median(found["ours"]))
        by_hand.append(median(found["by hand"]))
    p95 = quantiles(ours, n=20)[-1]
    work = f"find by {kind.name}"
    return [
        Figure(f"{work}, p95", p95, "ms", goal=GOAL, is_at_most=True),
        Figure(work, median(ours), "ms", "by hand", ratio(ours, by_hand), GOAL_RATIO, True),
    ]
