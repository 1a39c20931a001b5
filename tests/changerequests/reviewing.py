"""Helpers for the tests of the queue and the review page."""

import re
from typing import Any

from changerequests.models import ChangeRequest

QUEUE = "/admin/changerequests/changerequest/"
NEW_NAME = {"personalInformation": {"lastName": "Heusser"}}


def page_of(request: ChangeRequest) -> str:
    return f"{QUEUE}{request.pk}/change/"


def text_of(response: Any) -> str:
    """Return the text of a page without tags and with collapsed white space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
