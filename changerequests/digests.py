"""The digest of what a request asks for: it lets a decision say what was seen.

It is the SHA-256 of the request's salt, and of its current revision as lines of JSON with sorted keys: the request,
then each subject with its changes, by id. It is computed from the rows each time, so that it changes with whatever they
say. Anonymization erases the salt, after which no guess at an erased value can be tested.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from changerequests.models import ChangeRequest

Changes = Sequence[Mapping[str, Any]]
# The changes of each subject, by its id.
Proposals = Mapping[int, Changes]


def digest_of(request: ChangeRequest, proposals: Proposals) -> str:
    """Return the digest of a request's current revision, which proposes these changes, in hexadecimal."""
    return digest_of_rows(request, sorted(proposals.items()))


def digest_of_rows(request: ChangeRequest, rows: Iterable[tuple[int, Changes]]) -> str:
    """Return the digest of a current revision with these changes by subject, in the order of the subjects' ids."""
    seen = {"request": str(request.uid), "revision": request.revision_number}
    digest = hashlib.sha256(request.digest_salt.encode())
    digest.update(b"\n" + orjson.dumps(seen, option=orjson.OPT_SORT_KEYS))
    for subject_id, changes in rows:
        proposal = {"subject": f"{request.kind}/{subject_id}", "changes": changes}
        digest.update(b"\n" + orjson.dumps(proposal, option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()
