"""Registering client applications in the admin, collecting their secrets and getting tokens, for tests."""

import re
from base64 import b64encode
from typing import Any

from django.test import Client

from accounts.models import ClientApplication, Member
from accounts.scopes import ALL_SCOPES

RIGHTS = ["view_clientapplication", "add_clientapplication", "change_clientapplication"]


def page(application: ClientApplication) -> str:
    return f"/admin/accounts/clientapplication/{application.pk}/change/"


def form(owner: Member | None, **changed: Any) -> dict[str, Any]:
    sent = {"name": "portal", "purpose": "service", "allowed_scopes": list(ALL_SCOPES), "participants": []}
    return {**sent, "owner": "" if owner is None else owner.pk, **changed}


def register(browser: Client, owner: Member, **changed: Any) -> ClientApplication:
    browser.post("/admin/accounts/clientapplication/add/", form(owner, **changed))
    return ClientApplication.objects.get(name=changed.get("name", "portal"))


def collect(browser: Client, application: ClientApplication) -> str | None:
    """Return the secret that the page shows, if it shows one."""
    answer = browser.post(f"/admin/accounts/clientapplication/{application.pk}/secret/")
    found = re.findall(r"<code[^>]*>(.+?)</code>", answer.content.decode())
    if found:
        assert "no-store" in answer.headers["Cache-Control"]
    return found[1] if found else None


def token(application: ClientApplication, secret: str) -> str | None:
    basic = b64encode(f"{application.client_id}:{secret}".encode()).decode()
    answer = Client().post(
        "/connect/token", {"grant_type": "client_credentials"}, headers={"authorization": f"Basic {basic}"}
    )
    return answer.json().get("access_token")


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
