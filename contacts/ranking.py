"""How well a contact's keys answer a query: the order of what a search finds. docs/search.md has the table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contacts.searching import SHORT, Query, Term

NAME, OTHER = "name", "other"
WHOLE, START, INSIDE = "whole", "start", "inside"
WEIGHTS = {
    (NAME, WHOLE): 1.0,
    (NAME, START): 0.85,
    (NAME, INSIDE): 0.6,
    (OTHER, WHOLE): 0.8,
    (OTHER, START): 0.65,
    (OTHER, INSIDE): 0.45,
}
KEY = 0.9
# Times the share of trigrams in common.
ERRORS = 0.5
# Of what is found without the e of an umlaut only.
WITHOUT_E = 0.95


@dataclass(frozen=True, slots=True)
class Form:
    """A text of a query as keys have it, without the e of umlauts, and the words that are like it, with how much."""

    words: str
    without_e: str
    similar: Mapping[str, float] = field(default_factory=dict)


# By text.
Forms = Mapping[str, Form]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A contact that was found: its score between 0 and 1, by which terms, and for which other reasons."""

    id: int
    score: float
    terms: tuple[Term, ...]
    reasons: tuple[str, ...]
    forms: Forms

    def paths(self, keys_by_path: Iterable[Sequence[str]]) -> list[str]:
        """Return the paths whose keys the terms are in, of [path, kind, key]."""
        scores: dict[Term, dict[str, float]] = {term: {} for term in self.terms}
        for path, kind, key in keys_by_path:
            names, others = (f" {key} ", "") if kind == NAME else ("", f" {key} ")
            for term, found in scores.items():
                found[path] = max(found.get(path, 0.0), _term_score(term, names, others, self.forms))
        matched = dict.fromkeys(self.reasons)
        for found in scores.values():
            strict = {path: score for path, score in found.items() if score > ERRORS}
            # Of a term with typing errors, only what is most similar.
            best = max(found.values(), default=0.0)
            matched |= dict.fromkeys(strict or [path for path, score in found.items() if score == best > 0])
        return list(matched)


def ranked(found: Iterable[tuple[int, str, str]], query: Query, forms: Forms) -> list[Ranked]:
    """Return the candidates, given as (id, keys, reason), each once and best first. What does not match is left out."""
    by_id: dict[int, Ranked] = {}
    for contact_id, keys, reason in found:
        before = by_id.get(contact_id)
        if before is not None:
            if reason:
                by_id[contact_id] = Ranked(contact_id, 1.0, before.terms, (*before.reasons, reason), forms)
            continue
        score, terms = max(((_score(reading, keys, forms), reading) for reading in query.readings), key=_first)
        if reason:
            by_id[contact_id] = Ranked(contact_id, 1.0, terms if score else (), (reason,), forms)
        elif score:
            by_id[contact_id] = Ranked(contact_id, round(score, 4), terms, (), forms)
    return sorted(by_id.values(), key=lambda one: (-one.score, one.id))


def _first(pair: tuple[float, tuple[Term, ...]]) -> float:
    return pair[0]


def _score(reading: Sequence[Term], keys: str, forms: Forms) -> float:
    """Return the mean of the terms' scores; 0 if one of them is not in the keys."""
    names, _newline, others = keys.partition("\n")
    total = 0.0
    for term in reading:
        score = _term_score(term, names, others, forms)
        if not score:
            return 0.0
        total += score
    return total / len(reading)


def _term_score(term: Term, names: str, others: str, forms: Forms) -> float:
    best = KEY if any(key in others for key in term.keys) else 0.0
    if not term.text:
        return best
    form = forms[term.text]
    for words, weight in ((form.words, 1.0), (form.without_e, WITHOUT_E)):
        for place, text in ((NAME, names), (OTHER, others)):
            if manner := _manner(words, text, is_short=len(term.text) < SHORT):
                best = max(best, WEIGHTS[place, manner] * weight)
    if best:
        return best
    texts = names + others
    return ERRORS * max((share for word, share in form.similar.items() if f" {word} " in texts), default=0.0)


def _manner(words: str, text: str, *, is_short: bool) -> str:
    """Return how a text has words: whole, at the start of a word, or inside; "" if it has not."""
    if words not in text:
        return ""
    if f" {words} " in text:
        return WHOLE
    if f" {words}" in text:
        return START
    return "" if is_short else INSIDE
