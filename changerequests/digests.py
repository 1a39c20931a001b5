"""The digest of what a request asks for: it lets a decision say what was seen.

It is the SHA-256 of the request's salt and of its current revision as JSON with sorted keys. It is computed from the
rows each time, so that it changes with whatever they say. Anonymization erases the salt, after which no guess at an
erased value can be tested.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from changerequests.models import ChangeRequest

# The changes of each subject, by its id.
Proposals = Mapping[int, Sequence[Mapping[str, Any]]]


def digest_of(request: ChangeRequest, proposals: Proposals) -> str:
    """Return the digest of a request's current revision, which proposes these changes, in hexadecimal."""
    seen = {
        "request": str(request.uid),
        "revision": request.revision_number,
        "proposals": {f"{request.kind}/{subject_id}": changes for subject_id, changes in proposals.items()},
    }
    text = orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(request.digest_salt.encode() + b"\n" + text).hexdigest()
