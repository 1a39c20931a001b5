"""What the tests of the queue and the review have in common."""

import re
from typing import Any

from changerequests.models import ChangeRequest

QUEUE = "/admin/changerequests/changerequest/"
NEW_NAME = {"personalInformation": {"lastName": "Heusser"}}


def page_of(request: ChangeRequest) -> str:
    return f"{QUEUE}{request.pk}/change/"


def text_of(response: Any) -> str:
    """The page without its tags, with every run of white space as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
