"""Every field of every form of the admin takes odd text without an error of ours."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from django.contrib import admin
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from accounts.admin_rebasing import OPENED_ON
from changerequests.models import Holiday
from contacts.models import CONTACT_DETAILS
from tests.browserless import sent_by

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# As forms encode them: NUL, half of a surrogate pair, controls, long text and long numbers.
ODD = ("a%00b", "%ED%A0%80", "%01%1F%C2%85%E2%80%AE", "x" * 10_000, "9" * 10_000)
# What belongs to the form itself, not to its fields.
OF_FORMS = {"csrfmiddlewaretoken", OPENED_ON}


def pages(world: Any, browser: Client) -> Iterator[str]:
    for model, own in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found = model._default_manager.values_list("pk", flat=True).first()
        if not any(pattern.name == f"{name.removeprefix('admin:')}_add" for pattern in own.get_urls()):
            continue  # one page, without forms of rows
        forms = [reverse(f"{name}_add"), *([] if found is None else [reverse(f"{name}_change", args=[found])])]
        yield from (address for address in forms if browser.get(address).status_code == 200)
    yield reverse("admin:contacts_contact_edit", args=[world.contact.pk])
    yield reverse("admin:contacts_contact_connections", args=[world.contact.pk]) + "add/"
    yield reverse("admin:legalentities_legalentity_edit", args=[world.legal_entity.pk])
    yield reverse("admin:changerequests_policy_edit", args=[CONTACT_DETAILS])


def sent(browser: Client, address: str, form: QueryDict, odd: dict[str, str]) -> int:
    """Send a form in which some fields are odd, encoded already."""
    rest = QueryDict(mutable=True)
    for name in form:
        if name not in odd:
            rest.setlist(name, form.getlist(name))
    body = "&".join([rest.urlencode(), *(f"{name}={text}" for name, text in odd.items())])
    return browser.post(address, body, content_type="application/x-www-form-urlencoded").status_code


def test_no_field_of_a_form_of_the_admin_breaks_it(ours: Any, make_member: Any, admin_of: Any, case: Any) -> None:
    Holiday.objects.create(date="2031-01-01", name="New Year")
    browser = admin_of(make_member("root", is_superuser=True, sees_all_contacts=True))
    browser.raise_request_exception = False
    for address in pages(ours, browser):
        shown = browser.get(address if not address.endswith("connections/add/") else address.removesuffix("add/"))
        form = sent_by(shown.content.decode())
        names = [name for name in form if name not in OF_FORMS]
        for text in ODD:
            with case(address, "all", text[:20]):
                assert sent(browser, address, form, dict.fromkeys(names, text)) < 500
        for name, text in zip(names, cycle(ODD), strict=False):
            with case(address, name, text[:20]):
                assert sent(browser, address, form, {name: text}) < 500
