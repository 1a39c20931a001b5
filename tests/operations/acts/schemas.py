"""Acts on schemas and lists."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.test import Client

from schemas.models import LIST_KIND, SCHEMA_KIND, ListItem
from schemas.queries import current_schema
from schemas.services import defaults
from tests.api import Api
from tests.operations.acts import STRICT, World, act, command, sent, told
from tests.schemas.asking import edited, found, put

ITEMS = "/admin/schemas/listitem/"


def needs_approval(_world: World) -> bool:
    return current_schema("contact").fields["personalInformation.lastName"].is_approval_required


def items(_world: World) -> dict[str, str]:
    return {item.key: item.names["en"] for item in ListItem.objects.filter(list__key="marital-status")}


@act("PUT /v1.0/schemas/{key}", SCHEMA_KIND, needs_approval)
def _put(_world: World, api: Api) -> str:
    return told(put(api, edited("lastName", isApprovalRequired=None)))


@act("schemas_schema_draft", SCHEMA_KIND, needs_approval)
def _publish_draft(_world: World, browser: Client) -> str:
    schema = current_schema("contact")
    page = f"/admin/schemas/schema/{schema.schema_id}/change/"
    text = json.dumps(edited("lastName", isApprovalRequired=None))
    draft = browser.post(page, {"definition": text, "base": schema.version_id})
    return sent(browser, draft.headers["Location"], {"accepts_violations": "on"})


def form_of(item: ListItem, **values: Any) -> dict[str, Any]:
    return {**{f"name_{code}": item.names.get(code, "") for code in ("en", "de", "fr", "it")}, "order": 1, **values}


@act("schemas_listitem_add", LIST_KIND, items, waits_in=(STRICT,))
def _add_item(world: World, browser: Client) -> str:
    form = form_of(world.married, list=world.married.list_id, key="complicated")
    return sent(browser, f"{ITEMS}add/", form)


@act("schemas_listitem_change", LIST_KIND, items)
def _say_something_else(world: World, browser: Client) -> str:
    return sent(browser, f"{ITEMS}{world.married.pk}/change/", form_of(world.married, name_en="Single"))


@act("schemas_listitem_delete", LIST_KIND, items, waits_in=(STRICT,))
def _remove_item(_world: World, browser: Client) -> str:
    unused = ListItem.objects.filter(list__key="marital-status").exclude(key="married")[0]
    return sent(browser, f"{ITEMS}{unused.pk}/delete/", {"post": "yes"})


# ---- an upgrade, which brings another version of a schema and an item that is missing


def is_name_long(_world: World) -> bool:
    return current_schema("legal-entity").fields["name"].max_length == 99


def genders(_world: World) -> set[str]:
    return set(ListItem.objects.filter(list__key="gender").values_list("key", flat=True))


@act("load_schemas", SCHEMA_KIND, is_name_long)
def _load_another_version(_world: World, _host: Any) -> str:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        for name in ("contact.json", "legal-entity.json", "lists.json"):
            (Path(directory) / name).write_bytes((defaults._DATA / name).read_bytes())
        shipped = json.loads((Path(directory) / "legal-entity.json").read_text("utf-8"))
        element = found(shipped["elements"], "name")
        assert element is not None
        element["maxLength"] = 99
        (Path(directory) / "legal-entity.json").write_text(json.dumps(shipped), "utf-8")
        patch.setattr(defaults, "_DATA", Path(directory))
        return command("load_schemas")


@act("load_schemas", LIST_KIND, genders, waits_in=(STRICT,))
def _load_missing_items(_world: World, _host: Any) -> str:
    return command("load_schemas")
