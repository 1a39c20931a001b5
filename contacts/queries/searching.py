"""Finding contacts by what somebody types, best first. docs/search.md says what is found, and in which order.

The database finds candidates by one trigram index over the keys of contacts, and this module ranks them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, and_, or_
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BooleanField, F, FloatField, Func, Q, QuerySet, TextField, Value

from accounts.actor import Actor
from contacts.models import Contact, SearchKeys
from contacts.ranking import FUZZY, Forms, Ranked, ranked
from contacts.searching import SHORT, Query, Term, read_query, texts_of
from core.search import id_in, uuid_in

# Candidates of one kind, and so what a search finds at most: nobody pages further.
MOST = 1_000
# If fewer are found as they are written, typing errors are looked for.
ENOUGH = 20
# Errors are not looked for in shorter terms: too much is similar.
FEWEST_LETTERS = 4
ID, UID = "id", "uId"

# A term -> contacts that another app knows by it, as a query for their ids, by the path to show.
Finder = Callable[[str], Mapping[str, QuerySet[Any, Any]]]

_finders: list[Finder] = []


def register_finder(finder: Finder) -> None:
    """Have contacts be found by a number that an app above has for them."""
    _finders.append(finder)


@dataclass(frozen=True, slots=True)
class FoundContact:
    """A contact of a page: the paths say where the terms of the query are."""

    id: int
    uid: Any
    name: str
    type_id: int
    score: float
    matched: Sequence[str]


class _Has(Func):
    """Whether keys contain the words of a text, as written or without the e of umlauts. An index finds them."""

    template = "(%(expressions)s)"
    output_field = BooleanField()

    def __init__(self, text: str, *, before: str = "", after: str = "") -> None:
        words = Func(Value(text), function="kontor_words", output_field=TextField())
        without_e = Func(words, function="kontor_without_e", output_field=TextField())
        super().__init__(_like(words, before, after), _like(without_e, before, after), arg_joiner=" OR ")


def _like(words: Any, before: str, after: str) -> Func:
    pattern = Func(Value(f"%{before}"), words, Value(f"{after}%"), arg_joiner=" || ", template="(%(expressions)s)")
    return Func(F("keys"), pattern, arg_joiner=" LIKE ", template="%(expressions)s", output_field=BooleanField())


def find_contacts(*, actor: Actor, text: str) -> list[Ranked]:
    """Return the contacts that the actor sees and that the text means, best first, at most about 3,000.

    Runs two statements, or three if few are found as they are written.
    """
    query = read_query(text)
    if not query:
        return []
    forms = _forms(query)
    found = list(_candidates(_visible(actor), query))
    if len(found) < ENOUGH and (similar := _similar(query)) is not None:
        found += _visible(actor).filter(similar[0]).order_by(similar[1].desc())[:MOST].values_list(*_COLUMNS)
    return ranked(found, query, forms)


def found_page(*, actor: Actor, text: str, start: int, stop: int) -> tuple[list[FoundContact], int]:
    """Return the contacts at these places of what is found, and how many are found."""
    found = find_contacts(actor=actor, text=text)
    return with_reasons(found[start:stop]), len(found)


def with_reasons(page: Sequence[Ranked]) -> list[FoundContact]:
    """Return the contacts with their names and the paths of what was found, in the same order. Runs one statement."""
    rows: Any = Contact.objects.filter(pk__in=[one.id for one in page]).order_by()
    columns = rows.annotate(keys_by_path=_KeysByPath("id", "details", "username")).values_list(
        "id", "uid", "name", "type_id", "keys_by_path"
    )
    by_id = {row[0]: row for row in columns}
    found = []
    for one in page:
        contact_id, uid, name, type_id, keys_by_path = by_id[one.id]
        found.append(FoundContact(contact_id, uid, name, type_id, one.score, one.paths(keys_by_path)))
    return found


def matching(query: Query) -> Q:
    """Return the condition on SearchKeys that the terms are in them as they are written."""
    return reduce(or_, (reduce(and_, map(_term, reading)) for reading in query.readings))


_REASON = Value("", output_field=TextField())
_COLUMNS = ("contact_id", "keys", "reason")


class _KeysByPath(Func):
    template = """ARRAY(
        SELECT ARRAY[one.path, one.kind, concat_ws(' ',
            public.kontor_search_key(one.kind, one.value, public.kontor_words(one.value)),
            CASE WHEN one.kind IN ('name', 'text', 'code') THEN public.kontor_without_marks(one.value) END)]
          FROM public.kontor_search_values(%(expressions)s) AS one)"""
    output_field = ArrayField(ArrayField(TextField()))


def _visible(actor: Actor) -> QuerySet[SearchKeys]:
    return Contact.objects.narrowed_to_visible(SearchKeys.objects.order_by(), actor).annotate(reason=_REASON)


def _candidates(visible: QuerySet[SearchKeys], query: Query) -> Iterable[tuple[int, str, str]]:
    """Return ids, keys and reasons: of contacts that have the terms as whole words or in parts, or that are named."""
    whole = reduce(or_, (reduce(and_, map(_whole_term, reading)) for reading in query.readings))
    parts = [visible.filter(whole)[:MOST], visible.filter(matching(query))[:MOST]]
    for reason, ids in _named(query.typed.text).items():
        parts.append(visible.filter(contact_id__in=ids).annotate(reason=Value(reason, output_field=TextField()))[:MOST])
    first, *others = (part.values_list(*_COLUMNS) for part in parts)
    found: Iterable[tuple[int, str, str]] = first.union(*others, all=True)
    return found


def _named(text: str) -> dict[str, Any]:
    """Return queries for the ids of contacts of which the whole text is a number, by the path of that number."""

    found: dict[str, Any] = {}
    if (row_id := id_in(text)) is not None:
        found[ID] = [row_id]
    if (uid := uuid_in(text)) is not None:
        found[UID] = Contact.objects.filter(uid=uid).order_by().values("pk")
    for finder in _finders:
        found |= finder(text)
    return found


def _term(term: Term) -> Any:
    is_short = len(term.text) < SHORT
    conditions = [_Has(term.text, before=" " if is_short else "")] if term.text else []
    return reduce(or_, [Q(one) for one in conditions] + [Q(keys__contains=key) for key in term.keys])


def _whole_term(term: Term) -> Any:
    conditions = [_Has(term.text, before=" ", after=" ")] if term.text else []
    return reduce(or_, [Q(one) for one in conditions] + [Q(keys__contains=key) for key in term.keys])


def _similar(query: Query) -> tuple[Q, Any] | None:
    """Return the condition that terms are there with typing errors, and how similar; None if no term can have any."""
    reading = query.readings[-1]
    fuzzy = [term for term in reading if _may_have_errors(term)]
    if not fuzzy:
        return None
    words = [Func(Value(term.text), function="kontor_words", output_field=TextField()) for term in fuzzy]
    condition = Q()
    for term in reading:
        if term in fuzzy:
            word = words[fuzzy.index(term)]
            condition &= _term(term) | Q(_IsSimilar(F("keys"), word))
        else:
            condition &= _term(term)
    similarities: list[Any] = [_Similarity(word, F("keys")) for word in words]
    similarity = reduce(add, similarities)
    return condition, similarity


class _Similarity(Func):
    function = "word_similarity"
    output_field = FloatField()


class _IsSimilar(Func):
    template = "%(expressions)s"
    arg_joiner = " %%> "
    output_field = BooleanField()


def _may_have_errors(term: Term) -> bool:
    return len(term.text) >= FEWEST_LETTERS and sum(map(str.isalpha, term.text)) >= FEWEST_LETTERS


def _forms(query: Query) -> Forms:
    """Return how the database folds each text, and have the session find what is similar enough."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pg_trgm.word_similarity_threshold', %s, false), text, words, kontor_without_e(words)"
            " FROM unnest(%s::text[]) AS text CROSS JOIN LATERAL (SELECT kontor_words(text)) AS folded (words)",
            [str(FUZZY), list(texts_of(query))],
        )
        return {text: (words, without_e) for _threshold, text, words, without_e in cursor.fetchall()}
