"""Nobody changes a list item alone that is in use; a new one, or one that nothing uses, needs nobody else."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from accounts.actor import Actor, ActorKind, member_actor, system_actor
from accounts.models import Member
from audit.models import Entry
from changerequests.digests import digest_of
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.queries.revisions import proposals_of
from changerequests.services.deciding import decide
from changerequests.services.withdrawing import amend_change_request
from contacts.models import Contact
from contacts.services.changes import patch_details
from core.errors import Forbidden, NotFound, UnprocessableEntity
from schemas.models import LIST_KIND, List, ListItem
from schemas.queries import is_item_in_use, list_data
from schemas.services import load_lists, remove_list_item, save_list_item
from tests.api import Api
from tests.changerequests.policies import set_policy
from tests.changerequests.reviewing import page_of, text_of
from tests.concurrency import while_waiting
from tests.fixtures import details
from tests.schemas.asking import Make

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.usefixtures("default_schemas")]

SYSTEM = system_actor("tests")
ITEMS = "/admin/schemas/listitem/"
MARRIED = {"en": "Wedded", "de": "Getraut"}
STRICT = request_kind(LIST_KIND).profiles["strict"]


@pytest.fixture
def lara(make_member: Make) -> Member:
    permissions = [f"{right}_listitem" for right in ("view", "add", "change", "delete")]
    return make_member("lara", reviews=True, permissions=[*permissions, "view_list"])


@pytest.fixture
def rita(make_member: Make) -> Member:
    return make_member("rita", reviews=True, permissions=["view_list"])


@pytest.fixture
def _married(make_contact: Make) -> None:
    """The item `married` is in use."""
    make_contact(details(personalInformation={"maritalStatus": "married"}))


def save(who: Member | Actor, key: str = "married", **values: Any) -> ChangeRequest | None:
    actor = member_actor(who) if isinstance(who, Member) else who
    given = {"list_key": "marital-status", "names": MARRIED, **values}
    return save_list_item(actor=actor, key=key, **given).change_request


def remove(who: Member, key: str, list_key: str = "marital-status") -> ChangeRequest | None:
    return remove_list_item(actor=member_actor(who), list_key=list_key, key=key)


def approve(who: Member, request: ChangeRequest) -> None:
    request.refresh_from_db()
    digest = digest_of(request, proposals_of(request))
    decide(actor=member_actor(who), change_request_id=request.pk, verdict=Verdict.APPROVE, digest=digest)


def stored(key: str = "married", list_key: str = "marital-status") -> Any:
    item = list_data(list_key).by_key.get(key)
    return item and (dict(item.names), item.parent_key, item.order)


def row(key: str = "married", list_key: str = "marital-status") -> ListItem:
    return ListItem.objects.get(list__key=list_key, key=key)


def form(item: ListItem, **values: Any) -> dict[str, Any]:
    names = {f"name_{code}": item.names.get(code, "") for code in ("en", "de", "fr", "it")}
    return {**names, "order": item.order, "parent": item.parent_id or "", **values}


# ---- an item in use


@pytest.mark.usefixtures("_married")
def test_names_and_order_of_an_item_in_use_wait_and_are_recorded_in_the_initiators_name(
    lara: Member, rita: Member
) -> None:
    before, revision = stored(), list_data("marital-status").revision
    request = save(lara, order=7)
    assert request is not None
    assert (stored(), list_data("marital-status").revision) == (before, revision)
    with pytest.raises(Forbidden):
        approve(lara, request)
    approve(rita, request)
    assert stored() == (MARRIED, None, 7)
    assert list_data("marital-status").revision > revision
    entry = Entry.objects.of(LIST_KIND, row().list_id).get()
    assert (entry.change_request_id, entry.initiator_member_id) == (request.pk, lara.pk)
    assert "marital-status.married.names.de" in entry.paths


def test_a_parent_of_an_item_in_use_waits(lara: Member, rita: Member, make_contact: Make) -> None:
    address = {"type": "domicile", "city": "Zürich", "country": "CH", "state": "CH-ZH"}
    make_contact(details(contactInformation={"addresses": [address]}))
    names = row("CH-ZH", "state").names
    with pytest.raises(UnprocessableEntity):
        save(lara, "CH-ZH", list_key="state", names=names, parent_key="LI")
    request = save(lara, "CH-ZH", list_key="state", names=names, parent_key=None)
    assert request is not None
    assert stored("CH-ZH", "state")[1] == "CH"
    approve(rita, request)
    assert stored("CH-ZH", "state")[1] is None


def test_a_move_is_refused_if_clients_have_the_item_by_the_time_of_the_approval(
    lara: Member, rita: Member, make_contact: Make
) -> None:
    address = {"type": "domicile", "city": "Vaduz", "country": "CH", "state": "CH-ZH"}
    save(SYSTEM, "CH-ZH", list_key="state", parent_key=None)
    contact = make_contact(details(contactInformation={"addresses": [{**address, "country": "LI"}]}))
    request = save(lara, "CH-ZH", list_key="state", parent_key="LI")
    assert request is not None
    patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"contactInformation": {"addresses": [address]}})
    with pytest.raises(UnprocessableEntity):
        approve(rita, request)
    assert stored("CH-ZH", "state")[1] is None


def test_an_item_that_rows_use_waits_as_well(lara: Member, make_contact: Make) -> None:
    make_contact()
    assert is_item_in_use("contact-type", "client")
    assert save(lara, "client", list_key="contact-type") is not None
    assert save(lara, "prospect", list_key="contact-type") is None


def test_items_that_nothing_uses_change_at_once_and_new_ones_are_added_at_once(lara: Member) -> None:
    assert save(lara) is None
    assert stored() == (MARRIED, None, 0)
    assert save(lara, "it.is.complicated") is None
    assert stored("it.is.complicated") == (MARRIED, None, 0)
    assert remove(lara, "it.is.complicated") is None
    assert stored("it.is.complicated") is None
    entries = Entry.objects.of(LIST_KIND, row().list_id).order_by("sequence")
    assert entries[1].paths == entries[2].paths == ["marital-status", "marital-status.it/is/complicated"]
    assert {entry.initiator_member_id for entry in entries} == {lara.pk}


def test_what_says_nothing_new_writes_nothing(lara: Member) -> None:
    revision = list_data("marital-status").revision
    item = row()
    assert save(lara, names=item.names, order=item.order) is None
    assert list_data("marital-status").revision == revision
    assert not Entry.objects.of(LIST_KIND, item.list_id).exists()


@pytest.mark.usefixtures("_married")
def test_an_item_in_use_is_not_even_asked_to_be_removed(lara: Member) -> None:
    with pytest.raises(UnprocessableEntity, match="in use"):
        remove(lara, "married")
    assert not ChangeRequest.objects.exists()


# ---- strict


def test_where_a_policy_says_so_everything_waits(lara: Member, rita: Member) -> None:
    set_policy(STRICT, kind=LIST_KIND)
    added = save(lara, "it.is.complicated")
    assert added is not None
    assert stored("it.is.complicated") is None
    approve(rita, added)
    assert stored("it.is.complicated") == (MARRIED, None, 0)
    removed = remove(lara, "it.is.complicated")
    assert removed is not None
    assert stored("it.is.complicated") is not None
    approve(rita, removed)
    assert stored("it.is.complicated") is None
    with pytest.raises(NotFound):
        remove(lara, "it.is.complicated")


def test_an_item_that_came_into_use_meanwhile_is_not_removed(lara: Member, rita: Member, make_contact: Make) -> None:
    set_policy(STRICT, kind=LIST_KIND)
    request = remove(lara, "married")
    assert request is not None
    make_contact(details(personalInformation={"maritalStatus": "married"}))
    with pytest.raises(UnprocessableEntity, match="in use"):
        approve(rita, request)
    request.refresh_from_db()
    assert request.is_pending
    assert stored() is not None


# ---- who waits


@pytest.mark.usefixtures("_married")
def test_applications_and_the_system_change_items_at_once(make_app: Make) -> None:
    application = make_app()
    actor = Actor(kind=ActorKind.APP, name=application.name, application_id=application.pk)
    assert save(actor) is None
    assert save(SYSTEM, names={"en": "Hitched"}) is None
    assert stored()[0] == {"en": "Hitched"}
    assert load_lists().added == []


@pytest.mark.usefixtures("_married")
def test_one_change_of_a_list_waits_at_a_time_and_what_need_not_wait_goes_on(lara: Member, make_contact: Make) -> None:
    make_contact(details(personalInformation={"maritalStatus": "single"}))
    request = save(lara)
    assert request is not None
    with pytest.raises(UnprocessableEntity) as refused:
        save(lara, "single")
    assert refused.value.sub_code == "PendingChangeRequestExists"
    assert refused.value.properties == {"changeRequestId": [str(request.pk)]}
    assert save(lara, "complicated") is None


# ---- what happened meanwhile


@pytest.mark.usefixtures("_married")
def test_another_item_and_another_language_stay_as_somebody_else_made_them(lara: Member, rita: Member) -> None:
    item = row()
    request = save(lara, names={**item.names, "de": "Getraut"}, order=item.order)
    assert request is not None
    save(SYSTEM, names={**item.names, "fr": "Uni"}, order=item.order)
    save(SYSTEM, "single", names={"en": "Unattached"})
    approve(rita, request)
    assert stored()[0] == {**item.names, "de": "Getraut", "fr": "Uni"}
    assert stored("single")[0] == {"en": "Unattached"}


@pytest.mark.usefixtures("_married")
def test_a_name_that_somebody_else_changed_meanwhile_is_outdated_and_the_request_stays_open(
    lara: Member, rita: Member
) -> None:
    request = save(lara)
    assert request is not None
    save(SYSTEM, names={"en": "Hitched", "de": "Getraut"})
    with pytest.raises(UnprocessableEntity) as refused:
        approve(rita, request)
    assert refused.value.sub_code == "ChangeRequestOutdated"
    request.refresh_from_db()
    assert request.is_pending
    assert stored()[0] == {"en": "Hitched", "de": "Getraut"}


def test_a_name_for_an_item_that_was_removed_meanwhile_is_outdated(lara: Member, rita: Member) -> None:
    set_policy(STRICT, kind=LIST_KIND)
    item = row("complicated") if stored("complicated") else None
    assert item is None
    save(SYSTEM, "complicated", names={"en": "Complicated"})
    request = save(lara, "complicated", names={"en": "Complicated", "it": "Complicato"})
    assert request is not None
    remove_list_item(actor=SYSTEM, list_key="marital-status", key="complicated")
    with pytest.raises(UnprocessableEntity) as refused:
        approve(rita, request)
    assert refused.value.sub_code == "ChangeRequestOutdated"
    assert stored("complicated") is None


@pytest.mark.django_db(transaction=True)
def test_an_approval_that_waits_for_another_change_sees_it(lara: Member, rita: Member) -> None:
    set_policy(STRICT, kind=LIST_KIND)
    request = save(lara)
    assert request is not None

    def approved() -> str:
        try:
            approve(rita, request)
        except UnprocessableEntity as refusal:
            return refusal.sub_code
        return ""

    assert while_waiting(approved, before=lambda: save(SYSTEM, names={"en": "Hitched"})) == "ChangeRequestOutdated"
    assert stored()[0] == {"en": "Hitched"}


@pytest.mark.usefixtures("_married")
def test_an_amended_item_is_what_is_saved(lara: Member, rita: Member) -> None:
    request = save(lara)
    assert request is not None
    other = {"key": "married", "names": {"en": "Hitched"}, "order": 3}
    amend_change_request(actor=member_actor(lara), change_request_id=request.pk, document=other)
    request.refresh_from_db()
    assert request.revision_number == 2
    assert request.paths == sorted(
        f"marital-status{part}" for part in ("", ".married", ".married.names", ".married.order",
        *(f".married.names.{code}" for code in ("en", "de", "fr", "it")))
    )  # fmt: skip


# ---- the admin


def test_the_form_of_the_policy_speaks_of_items_in_use_and_keeps_the_rule(make_member: Make, admin_of: Make) -> None:
    olga = make_member("olga", permissions=["change_policies"])
    browser = admin_of(olga)
    page = browser.get(f"/admin/changerequests/policyversion/{LIST_KIND}/edit/")
    assert "Only items in use" in text_of(page)
    assert "Only fields that require approval" not in text_of(page)
    assert "Only fields" not in text_of(browser.get("/admin/changerequests/policyversion/schema/edit/"))


@pytest.mark.usefixtures("_married")
def test_the_form_says_that_it_waits_and_nothing_is_logged_as_done(lara: Member, rita: Member, admin_of: Make) -> None:
    item, browser = row(), admin_of(lara)
    page = f"{ITEMS}{item.pk}/change/"
    answer = browser.post(page, form(item, name_en="Wedded"), follow=True)
    request = ChangeRequest.objects.get()
    assert f"Nothing has changed yet: change request #{request.pk} is pending approval." in text_of(answer)
    assert "was changed successfully" not in text_of(answer)
    assert stored()[0]["en"] == item.names["en"]
    assert not LogEntry.objects.exists()
    for address in (page, f"/admin/schemas/list/{item.list_id}/change/"):
        assert "A change requested by Lara Tester is pending review." in text_of(browser.get(address)), address
    again = browser.post(page, form(item, name_en="Hitched"), follow=True)
    assert f"Change request {request.pk} is pending review." in text_of(again)
    approve(rita, request)
    assert stored()[0]["en"] == "Wedded"


def test_forms_of_what_waits_add_and_remove_nothing(lara: Member, admin_of: Make) -> None:
    set_policy(STRICT, kind=LIST_KIND)
    browser, item = admin_of(lara), row()
    new = {"list": item.list_id, "key": "complicated", **form(item)}
    answer = browser.post(f"{ITEMS}add/", new, follow=True)
    assert "Nothing has changed yet" in text_of(answer)
    assert stored("complicated") is None
    ChangeRequest.objects.update(status=Status.CANCELLED)
    ChangeRequest.objects.get().subjects.update(is_open=False)
    answer = browser.post(f"{ITEMS}{item.pk}/delete/", {"post": "yes"}, follow=True)
    assert "Nothing has changed yet" in text_of(answer)
    assert "deleted successfully" not in text_of(answer)
    assert stored() is not None
    assert not LogEntry.objects.exists()
    assert ChangeRequest.objects.open().get().paths == ["marital-status", "marital-status.married"]


def test_staff_who_are_no_member_change_no_item(django_user_model: Any, client: Any) -> None:
    root = django_user_model.objects.create_superuser("root", password="secret-for-tests")
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    item = row()
    for address, sent in (
        (f"{ITEMS}add/", {"list": item.list_id, "key": "complicated", **form(item)}),
        (f"{ITEMS}{item.pk}/change/", form(item, name_en="Wedded")),
        (f"{ITEMS}{item.pk}/delete/", {"post": "yes"}),
    ):
        answer = client.post(address, sent, follow=True)
        assert "Your login belongs to no member" in text_of(answer), address
    assert stored()[0] == item.names
    assert stored("complicated") is None


@pytest.mark.usefixtures("_married")
def test_the_review_page_names_item_and_languages(lara: Member, rita: Member, admin_of: Make) -> None:
    request = save(lara, order=7)
    assert request is not None
    browser = admin_of(rita)
    text = text_of(browser.get(page_of(request)))
    for part in ("Marital status", "Married Name (de)", "Removed: Verheiratet", "Added: Getraut", "Married Order"):
        assert part in text, part
    approve(rita, request)
    save(SYSTEM, names={"en": "Hitched"})
    assert "Name (de)" in text_of(browser.get(page_of(request)))
    queue = browser.get("/admin/changerequests/changerequest/?q=marital&status=all")
    assert [row.pk for row in queue.context["cl"].result_list] == [request.pk]


def test_the_review_page_of_a_new_and_a_removed_item_shows_the_item(lara: Member, rita: Member, admin_of: Make) -> None:
    set_policy(STRICT, kind=LIST_KIND)
    request = save(lara, "LI-99", list_key="state", names={"en": "Ninetynine"}, parent_key="LI")
    assert request is not None
    text = text_of(admin_of(rita).get(page_of(request)))
    for part in ("Ninetynine", "Key LI-99", "Name (en) Ninetynine", "Parent Liechtenstein"):
        assert part in text, part
    approve(rita, request)
    removed = remove(lara, "LI-99", "state")
    assert removed is not None
    approve(rita, removed)
    assert "Ninetynine" in text_of(admin_of(rita).get(page_of(removed)))
    assert List.objects.filter(key="state").exists()


# ---- an item that a request asks for


def asked_for(api: Api, contact: Contact, **values: Any) -> ChangeRequest:
    answer = api.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": values})
    assert answer.json["isApprovalRequired"] is True
    return ChangeRequest.objects.latest("pk")


@pytest.mark.parametrize(
    ("list_key", "key", "values"),
    [
        ("marital-status", "kept", {"personalInformation": {"lastName": "Heusser", "maritalStatus": "kept"}}),
        (
            "country",
            "ZZ",
            {
                "personalInformation": {"lastName": "Heusser"},
                "contactInformation": {"addresses": [{"type": "domicile", "city": "Ur", "country": "ZZ"}]},
            },
        ),
    ],
)
def test_nobody_renames_alone_what_a_reviewer_is_about_to_approve(
    lara: Member, make_member: Make, make_contact: Make, api_of: Make, list_key: str, key: str, values: Any
) -> None:
    """Or the reviewer would have read another name than the one that takes effect."""
    nora = make_member("nora", permissions=["change_contact_details"], sees_all_contacts=True)
    harmless, other = {"en": "Harmless"}, {"en": "Something else"}
    assert save(lara, key, list_key=list_key, names=harmless) is None
    request, api = asked_for(api_of(nora), make_contact(), **values), api_of(nora)
    assert is_item_in_use(list_key, key)
    with pytest.raises(UnprocessableEntity, match="in use"):
        remove(lara, key, list_key)
    renaming = save(lara, key, list_key=list_key, names=other)
    assert renaming is not None
    assert stored(key, list_key) == (harmless, None, 0)
    # Once nothing asks for it any more, it is free again.
    assert api.post(f"/v1.0/change-requests/{renaming.pk}/cancel").status == 403
    assert api.post(f"/v1.0/change-requests/{request.pk}/cancel").status in (200, 204)
    assert not is_item_in_use(list_key, key)
