"""People who register client applications, approve and own them."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Member
from tests.administration.applications import RIGHTS


@pytest.fixture
def clerk(make_member: Any) -> Member:
    """Somebody who may register and change applications, and nothing else."""
    return make_member("clerk", permissions=RIGHTS)


@pytest.fixture
def carl(make_member: Any) -> Member:
    return make_member("carl", reviews=True, permissions=[RIGHTS[0], "view_changerequest"])


@pytest.fixture
def olga(make_member: Any) -> Member:
    """An owner, who has no permission at all."""
    return make_member("olga")


@pytest.fixture
def browser(admin_of: Any, clerk: Member) -> Client:
    return admin_of(clerk)
