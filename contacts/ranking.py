"""How well a contact's keys answer a query: the order of what a search finds. docs/search.md has the table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from contacts.searching import SHORT, Query, Term

# A text of a query -> its words as keys have them, and without the e of umlauts.
Forms = Mapping[str, tuple[str, str]]

# The least similarity of a word to one with typing errors: common trigrams of those of the term.
FUZZY = 0.4
# The least share of trigrams that two words must have in common.
ALIKE = 0.25
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
ERRORS = 0.5
# Of what is found without the e of an umlaut only.
WITHOUT_E = 0.95


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
    words, without_e = forms[term.text]
    for form, weight in ((words, 1.0), (without_e, WITHOUT_E)) if words != without_e else ((words, 1.0),):
        for place, text in ((NAME, names), (OTHER, others)):
            if manner := _manner(form, text, is_short=len(term.text) < SHORT):
                best = max(best, WEIGHTS[place, manner] * weight)
    return best or ERRORS * max(_alike(words, names), 0.9 * _alike(words, others))


def _manner(form: str, text: str, *, is_short: bool) -> str:
    """Return how a text has the words: whole, at the start of a word, or inside; "" if it has not."""
    if form not in text:
        return ""
    if f" {form} " in text:
        return WHOLE
    if f" {form}" in text:
        return START
    return "" if is_short else INSIDE


def _alike(words: str, text: str) -> float:
    """Return the greatest share of common trigrams of the words and a word of the text, 0 if it is too small."""
    own = _trigrams(words)
    best = 0.0
    for word in text.split():
        common = own & (others := _trigrams(word))
        if common:
            best = max(best, len(common) / len(own | others))
    return best if best >= ALIKE else 0.0


@lru_cache(maxsize=16_384)
def _trigrams(word: str) -> frozenset[str]:
    padded = f"  {word} "
    return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))
