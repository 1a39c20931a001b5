"""`manage.py load_schemas` once there are people: what a member could not publish alone, an upgrade does not either."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.actor import member_actor
from accounts.models import Member
from administration.models import BreakGlass
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from schemas.kinds.lists import ListKind
from schemas.models import LIST_KIND, SCHEMA_KIND, List, ListItem, Schema, SchemaVersion
from schemas.queries import current_schema
from schemas.services import defaults, remove_list_item
from schemas.services.defaults import KONTOR
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import set_policy

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def rita(settings: Any, make_member: Callable[..., Member]) -> Member:
    """A reviewer, outside of the embedded profile."""
    settings.EMBEDDED = False
    return make_member("rita", reviews=True)


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Kontor's next version ships another schema of legal entities."""
    definition = _definition("legal-entity")
    definition["elements"].append({"key": "motto", "type": "text", "label": {"en": "Motto"}})
    (tmp_path / "legal-entity.json").write_text(json.dumps(definition), "utf-8")
    for name in ("contact.json", "lists.json"):
        (tmp_path / name).write_bytes((defaults._DATA / name).read_bytes())
    monkeypatch.setattr(defaults, "_DATA", tmp_path)


def _definition(key: str) -> Any:
    version = Schema.objects.get(key=key).current_version
    assert version is not None
    return version.definition


def load(*arguments: str) -> str:
    out = io.StringIO()
    call_command("load_schemas", *arguments, stdout=out)
    return out.getvalue()


def number() -> int:
    return current_schema("legal-entity").version_number


@pytest.mark.usefixtures("rita", "next_version")
def test_an_operator_alone_publishes_no_other_version() -> None:
    out = load()
    request = waiting()
    assert f"legal-entity: change request {request.pk} is pending review.\n" in out
    assert "schemas published: none" in out
    assert (request.kind, number()) == (SCHEMA_KIND, 1)
    assert request.initiator_system.startswith("load_schemas by ")
    assert f"legal-entity: Change request {request.pk} is pending review" in load()
    assert ChangeRequest.objects.count() == 1


@pytest.mark.usefixtures("next_version")
def test_an_approved_version_is_still_a_shipped_one(rita: Member, tmp_path: Any) -> None:
    load()
    assert approve(rita, waiting()).status == Status.APPROVED
    assert number() == 2
    assert load() == "0 list items added; schemas published: none.\n"
    definition = _definition("legal-entity")
    definition["elements"][-1]["maxLength"] = 7
    (tmp_path / "legal-entity.json").write_text(json.dumps(definition), "utf-8")
    load()
    assert waiting().kind == SCHEMA_KIND


@pytest.mark.usefixtures("next_version")
def test_a_rejected_version_is_not_asked_for_again(rita: Member) -> None:
    load()
    request = waiting()
    decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.REJECT)
    assert f"legal-entity: change request {request.pk} was rejected.\n" in load()
    assert (ChangeRequest.objects.count(), number()) == (1, 1)


@pytest.mark.usefixtures("rita", "next_version")
def test_breaking_the_glass_publishes_at_once() -> None:
    with pytest.raises(CommandError, match="Use --reason"):
        load("--break-glass")
    assert number() == 1
    assert "schemas published: legal-entity" in load("--break-glass", "--reason", "An urgent correction")
    assert number() == 2
    assert (
        SchemaVersion.objects.latest("pk").published_by_name
        == f"load_schemas, break glass #{BreakGlass.objects.get().pk}"
    )


@pytest.mark.usefixtures("rita")
def test_a_schema_that_is_not_there_yet_waits_for_nobody() -> None:
    Schema.objects.filter(key="legal-entity").update(current_version=None)
    assert "schemas published: legal-entity" in load()
    assert not ChangeRequest.objects.exists()


@pytest.mark.usefixtures("rita")
def test_missing_items_are_added_at_once_unless_the_policy_says_otherwise() -> None:
    items = ListItem.objects.filter(list__key="gender")
    remove_list_item(actor=KONTOR, list_key="gender", key="other")
    assert "1 list items added" in load()
    remove_list_item(actor=KONTOR, list_key="gender", key="other")
    set_policy(ListKind.profiles["strict"], kind=LIST_KIND)
    out = load()
    request = waiting()
    assert (request.kind, request.paths) == (LIST_KIND, ["gender", "gender.other"])
    assert out == (
        f"0 list items added; schemas published: none.\ngender: change request {request.pk} is pending review.\n"
    )
    assert not items.filter(key="other").exists()


@pytest.mark.usefixtures("rita")
def test_a_list_that_is_not_there_yet_is_added_at_once() -> None:
    set_policy(ListKind.profiles["strict"], kind=LIST_KIND)
    ListItem.objects.filter(list__key="gender").delete()
    List.objects.filter(key="gender").delete()
    assert "list items added" in load()
    assert ListItem.objects.filter(list__key="gender").exists()
    assert not ChangeRequest.objects.exists()
