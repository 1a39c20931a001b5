"""The searches that are measured, and whose plans a test checks: the admin's queue and dashboard, and the API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import Any

import orjson
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from accounts.models import Member, Participant
from changerequests.models import Status
from contacts.models import CONTACT_DETAILS
from legalentities.models import LEGAL_ENTITY_DETAILS

QUEUE = "/admin/changerequests/changerequest/"
DASHBOARD = "/admin/"
SEARCH = "/v1.0/change-requests/search"
PAGE = 50
# Who sees all contacts, and who sees few.
PEOPLE = ("rita", "ben")


@dataclass(frozen=True)
class Search:
    """A search by somebody."""

    name: str
    who: str
    run: Callable[[], object]


def searches() -> Iterator[Search]:
    """Yield the searches of each person. The late page of the API is the last one of those that it sees."""
    anna = Member.objects.get(user__username="anna")
    participant = Participant.objects.get(name="North")
    criteria: dict[str, dict[str, Any]] = {
        "API: all": {},
        "API: open": {"statusIds": [Status.PENDING, Status.RETURNED]},
        "API: one kind": {"kinds": [LEGAL_ENTITY_DETAILS]},
        "API: one kind, open": {"kinds": [CONTACT_DETAILS], "statusIds": [Status.PENDING]},
        "API: mine to decide": {"isMineToDecide": True},
        "API: overdue": {"isOverdue": True},
        "API: by initiator": {"initiatorMemberUids": [str(anna.uid)]},
    }
    queries = {
        "queue: open": "",
        "queue: open, late page": "?p=150",
        "queue: all": "?status=all",
        "queue: one kind": f"?status=all&kind={LEGAL_ENTITY_DETAILS}",
        "queue: by initiator": f"?status=all&initiator_member__id__exact={anna.pk}",
        "queue: mine to decide": "?turn=mine",
        "queue: assigned to me": "?turn=assigned",
        "queue: overdue": "?due=overdue",
        "queue: by participant": f"?status=all&participant={participant.pk}",
    }
    for name in PEOPLE:
        member = Member.objects.select_related("user").get(user__username=name)
        own = f"initiator_member__id__exact={member.pk}"
        api, admin = _api(member), _admin(member)
        last = _sent(api, {"pageSize": PAGE})["pageCount"]
        for work, body in {**criteria, "API: all, late page": {"page": last}}.items():
            yield Search(work, name, _posted(api, {"pageSize": PAGE, **body}))
        of_own = {"queue: returned to me": f"?status=5&{own}", "queue: asked by me": f"?status=all&{own}"}
        for work, query in (queries | of_own).items():
            yield Search(work, name, _opened(admin, f"{QUEUE}{query}"))
        yield Search("dashboard", name, _opened(admin, DASHBOARD))


def _posted(client: Client, body: dict[str, Any]) -> Callable[[], object]:
    return lambda: _sent(client, body)


def _sent(client: Client, body: dict[str, Any]) -> Any:
    answer = client.post(SEARCH, orjson.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return orjson.loads(answer.content)


def _opened(client: Client, address: str) -> Callable[[], object]:
    def run() -> None:
        # Of a page past the end there is the first one.
        assert client.get(address, follow=True).status_code == 200

    return run


def _api(member: Member) -> Client:
    token = token_hex()
    issued = AccessToken(user=member.user, expires=timezone.now() + timedelta(days=1), scope="change-requests.read")
    set_token_value(issued, token)
    issued.save()
    return Client(headers={"host": "localhost", "authorization": f"Bearer {token}"})


def _admin(member: Member) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    return client
