"""Words as they are compared: without case, accents and the two spellings of umlauts, and how they sound."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_LETTERS: Final = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "a", "œ": "o", "ı": "i"})
# Müller is also written Mueller. Without the e, all spellings are one, and so are those of names that always have it.
_UMLAUTS: Final = re.compile("([aou])e")
_NO_WORD: Final = re.compile(r"[^\w]+|_")
# D'Angelo and O’Brien are one word.
_APOSTROPHES: Final = re.compile("['’‘`´]")
# Of a name, these are neither looked for nor compared: Freiherr von und zu Salis is written without them as well.
PARTICLES: Final = frozenset(
    "von vom van der den zu zum zur und de di da del della dello degli dei du des la le les ten ter y al".split()  # noqa: SIM905
)
_TITLES: Final = frozenset(
    "dr prof med iur phil ing dipl mag lic herr frau hr fr mr mrs ms mme madame monsieur".split()  # noqa: SIM905
)


@lru_cache(maxsize=65_536)
def folded(text: str) -> str:
    """Return the text in lower case without accents, ß as ss, and ä, ö, ü like a, o, u and like ae, oe, ue."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _UMLAUTS.sub(r"\1", plain.translate(_LETTERS))


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, folded, in their order."""
    return tuple(_NO_WORD.sub(" ", folded(_APOSTROPHES.sub("", text))).split())


def names_of(text: str) -> tuple[str, ...]:
    """Return the words of a name, folded, without titles and particles, unless it has no others."""
    words = words_of(text)
    return tuple(word for word in words if word not in PARTICLES and word not in _TITLES) or words


# The phonetics of Cologne, which Hans Joachim Postel published in 1969, in order of precedence. Letters that are left
# alone (h) have no code.
_CODES: Final = (
    (re.compile("ph"), "3"),
    (re.compile("[dt](?=[csz])"), "8"),
    (re.compile("(?<=[ckq])x"), "8"),
    (re.compile("(?<=[sz])c"), "8"),
    (re.compile("(?<![a-z])c(?=[ahkloqrux])"), "4"),
    (re.compile("(?<![a-z])c"), "8"),
    (re.compile("c(?=[ahkoqux])"), "4"),
)
_REST: Final = str.maketrans(
    dict.fromkeys("aeijouy", "0")
    | dict.fromkeys("bp", "1")
    | dict.fromkeys("dt", "2")
    | dict.fromkeys("fvw", "3")
    | dict.fromkeys("gkq", "4")
    | {"x": "48", "l": "5"}
    | dict.fromkeys("mn", "6")
    | {"r": "7"}
    | dict.fromkeys("csz", "8")
)
_REPEATED: Final = re.compile(r"(\d)\1+")
_NO_CODE: Final = re.compile(r"[^0-9]")


@lru_cache(maxsize=65_536)
def sound_of(word: str) -> str:
    """Return how a folded word sounds: meier and mayr are both 67. A word without Latin letters sounds like itself."""
    marked = word
    # Contexts are those of the letters before any of them became a code.
    for pattern, code in _CODES:
        marked = _replaced(pattern, code, word, marked)
    codes = _REPEATED.sub(r"\1", _NO_CODE.sub("", marked.translate(_REST)))
    return codes[:1] + codes[1:].replace("0", "") or word


def _replaced(pattern: re.Pattern[str], code: str, word: str, marked: str) -> str:
    """Return `marked`, which is as long as `word`, with the code and fillers wherever the pattern is in `word`."""
    for found in pattern.finditer(word):
        start, end = found.span()
        if marked[start:end] == word[start:end]:
            marked = marked[:start] + code + "-" * (end - start - 1) + marked[end:]
    return marked
