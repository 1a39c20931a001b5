"""Finding contacts by what somebody types, best first. docs/search.md says what is found, and in which order.

The database finds candidates by one trigram index over the keys of contacts, and this module ranks them.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, Value

from accounts.actor import Actor
from contacts.models import Contact, SearchKeys
from contacts.ranking import Form, Forms, Ranked, ranked
from contacts.searching import SHORT, Query, Term, read_query, texts_of
from core.search import id_in, uuid_in

# Candidates of one kind, and so what a search finds at most: nobody pages further.
MOST = 1_000
# If fewer are found as they are written, typing errors are looked for.
ENOUGH = 20
# Errors are not looked for in shorter terms: too much is similar. In others, the words that are most alike count.
FEWEST_LETTERS = 4
MOST_ALIKE = 12
# The least share of trigrams in common, and what counts as the share if two letters have changed places: that leaves
# few trigrams of a short word.
ALIKE, SWAPPED = 0.25, 0.8
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


_WITH_E = re.compile("[aou]e", re.IGNORECASE)


class _Has(Func):
    """Whether keys contain the words of a text, as written or without the e of umlauts. An index finds them."""

    template = "(%(expressions)s)"
    output_field = BooleanField()

    def __init__(self, text: str, *, before: str = "", after: str = "") -> None:
        words = Func(Value(text), function="kontor_words", output_field=TextField())
        without_e = Func(words, function="kontor_without_e", output_field=TextField())
        parts = [_like(words, before, after)]
        if not text.isascii() or _WITH_E.search(text):
            parts.append(_like(without_e, before, after))
        super().__init__(*parts, arg_joiner=" OR ")


def _like(words: Any, before: str, after: str) -> Func:
    pattern = Func(Value(f"%{before}"), words, Value(f"{after}%"), arg_joiner=" || ", template="(%(expressions)s)")
    return Func(F("keys"), pattern, arg_joiner=" LIKE ", template="%(expressions)s", output_field=BooleanField())


def find_contacts(*, actor: Actor, text: str) -> list[Ranked]:
    """Return the contacts that the actor sees and that the text means, best first, at most about 2,000.

    Runs two statements, or three if few are found as they are written.
    """
    query = read_query(text)
    if not query:
        return []
    visible = _visible(actor)
    found = list(_candidates(visible, query))
    is_enough = len({contact_id for contact_id, _keys, _reason in found}) >= ENOUGH
    forms = _forms(query, with_similar=not is_enough)
    if (similar := _with_errors(query, forms)) is not None:
        found += visible.filter(similar).values_list(*_COLUMNS)[:MOST]
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


def search_contacts(contacts: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Return those of the contacts that a text means, in their order; if none as it is written, with typing errors.

    For lists: runs a statement to know, and two more if there is none.
    """
    written = as_written(contacts, text)
    query = read_query(text)
    if not query or written.exists():
        return written
    errors = _with_errors(query, _forms(query, with_similar=True))
    return written if errors is None else contacts.filter(pk__in=SearchKeys.objects.filter(errors).values("pk"))


def as_written(contacts: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Return those of the contacts that a text means as it is written, as a query; all if it is empty."""
    query = read_query(text)
    if not query.typed:
        return contacts
    parts = [Contact.objects.filter(pk__in=ids) for ids in _named(query.typed.text).values()]
    found: list[Any] = [part.order_by().values("pk") for part in parts]
    if query:
        found.append(SearchKeys.objects.filter(matching(query)).order_by().values("pk"))
    if not found:
        return contacts.none()
    first, *others = found
    # A union, since each part can use an index: with OR, PostgreSQL reads all contacts.
    return contacts.filter(pk__in=first.union(*others, all=True))


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
    parts = [visible.filter(matching(query))[:MOST]]
    if query.typed.text.replace(" ", "").isalpha():
        # Of a usual name there may be more than that, and these are the best. Numbers have not as many.
        whole = reduce(or_, (reduce(and_, map(_whole_term, reading)) for reading in query.readings))
        parts.append(visible.filter(whole)[:MOST])
    for reason, ids in _named(query.typed.text).items():
        parts.append(visible.filter(contact_id__in=ids).annotate(reason=Value(reason, output_field=TextField()))[:MOST])
    first, *others = (part.values_list(*_COLUMNS) for part in parts)
    found: Iterable[tuple[int, str, str]] = first.union(*others, all=True)
    return found


def _named(text: str) -> dict[str, Any]:
    """Return queries for the ids of contacts of which the whole text is a number, by the path of that number."""

    found: dict[str, Any] = {}
    if (row_id := id_in(text)) is not None:
        found[ID] = Contact.objects.answering_any([row_id]).order_by().values("pk")
    if (uid := uuid_in(text)) is not None:
        named = Contact.objects.filter(uid=uid).order_by().values("pk")
        found[UID] = Contact.objects.answering_any(named).order_by().values("pk")
    for finder in _finders:
        found |= finder(text)
    return found


def _term(term: Term) -> Any:
    is_short = len(term.text) < SHORT
    conditions = [_Has(term.text, before=" " if is_short else "")] if term.text else []
    # A key that contains the text says no more than the text; it counts for the order alone.
    keys = [key for key in term.keys if not term.text or term.text not in key]
    return reduce(or_, [Q(one) for one in conditions] + [Q(keys__contains=key) for key in keys])


def _whole_term(term: Term) -> Any:
    return Q(_Has(term.text, before=" ", after=" "))


def _with_errors(query: Query, forms: Forms) -> Q | None:
    """Return the condition that all terms are there, some with typing errors; None if no word is similar."""
    reading = query.readings[-1]
    if not any(forms[term.text].similar for term in reading if term.text):
        return None
    condition = Q()
    for term in reading:
        words = forms[term.text].similar if term.text else {}
        condition &= reduce(or_, (Q(keys__contains=f" {word} ") for word in words), _term(term))
    return condition


_FORMS = """
    SELECT asked.text, folded.words, kontor_without_e(folded.words), similar_word.word, similar_word.share
      FROM (SELECT set_config('pg_trgm.similarity_threshold', %s, false) AS threshold OFFSET 0) AS set
     CROSS JOIN unnest(%s::text[], %s::boolean[]) AS asked (text, may_have_errors)
     CROSS JOIN LATERAL (SELECT kontor_words(asked.text) AS words OFFSET 0) AS folded
      LEFT JOIN LATERAL (
            SELECT alike.word, max(alike.share) AS share
              FROM (SELECT known.word, similarity(known.word, folded.words) AS share
                      FROM contacts_searchword known
                     WHERE asked.may_have_errors AND set.threshold IS NOT NULL AND known.word %% folded.words
                     UNION ALL
                    SELECT known.word, %s::real
                      FROM generate_series(1, length(folded.words) - 1) AS place
                      JOIN contacts_searchword known
                        ON known.word = overlay(
                               folded.words placing reverse(substr(folded.words, place, 2)) from place for 2)
                     WHERE asked.may_have_errors) AS alike
             GROUP BY alike.word ORDER BY share DESC, alike.word LIMIT %s
      ) AS similar_word ON true
"""


def _forms(query: Query, *, with_similar: bool) -> Forms:
    """Return how the database folds each text and, if asked for, which words are similar. Runs one statement.

    It sets the threshold of similarity for the session, always the same: nothing else uses the operator.
    """
    texts = list(texts_of(query))
    may_have_errors = [with_similar and _may_have_errors(text) for text in texts]
    with connection.cursor() as cursor:
        cursor.execute(_FORMS, [str(ALIKE), texts, may_have_errors, SWAPPED, MOST_ALIKE])
        rows = cursor.fetchall()
    forms: dict[str, Form] = {}
    similar: dict[str, dict[str, float]] = {text: {} for text in texts}
    for text, words, without_e, word, share in rows:
        forms[text] = Form(words, without_e, similar[text])
        if word is not None:
            similar[text][word] = share
    return forms


def _may_have_errors(text: str) -> bool:
    return len(text) >= FEWEST_LETTERS and text.isalpha()
