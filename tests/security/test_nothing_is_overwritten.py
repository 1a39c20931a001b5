"""Of two people who have the same form open, the second one does not undo unseen what the first one has saved."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actor import member_actor
from accounts.models import Member, User
from administration.rights import RIGHTS
from administration.services.rights import change_rights
from changerequests.kinds import all_kinds
from changerequests.models import Holiday
from contacts.models import CONTACT_DETAILS
from events.models import Webhook
from operations.doors import inventory
from operations.doors.declarations import ADMIN_PAGES, Exemption
from schemas.models import ListItem
from tests.administration.approving import approve, waiting
from tests.browserless import sent_by
from tests.changerequests.policies import absent, policy, set_policy
from tests.concurrency import while_waiting
from tests.security.conftest import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# Pages that carry what they were opened on in another way, or change nothing of what others might have changed.
OTHERWISE = {
    "changerequests_changerequest_change": "a decision names the digest of what was shown",
    "contacts_contact_picture_change": "a picture is replaced beside the present one",
    "matching_pair_change": "of a pair that somebody has told apart nothing else is said",
    "password_change": "one's own",
    "schemas_schema_change": "a draft names its version, see below",
    "schemas_schemaversion_change": "makes a draft of the present version",
    "changerequests_policy_edit": "waits in between, see below",
}


@dataclass
class Form:
    """A page with a form, and what each of two people changes in it: a field that the other one leaves alone."""

    page: str
    row: Callable[["Setting"], Any]
    first: Callable[["Setting"], dict[str, Any]]
    second: Callable[["Setting"], dict[str, Any]]


@dataclass
class Setting:
    """What the forms are about."""

    world: Any
    anna: Member
    group: Group
    item: ListItem
    absence: Any
    participant: Any
    holiday: Any
    webhook: Webhook


def _right(name: str) -> str:
    return str(Permission.objects.get(codename=name).pk)


FORMS = [
    Form(
        "accounts_user_change",
        lambda setting: setting.anna.user_id,
        lambda _setting: {"user_permissions": [], "is_staff": None},
        lambda _setting: {"last_name": "Bernasconi"},
    ),
    Form(
        "accounts_member_change",
        lambda setting: setting.anna.pk,
        lambda _setting: {"sees_all_contacts": None},
        lambda setting: {"manager": str(setting.world.member.pk)},
    ),
    Form(
        "auth_group_change",
        lambda setting: setting.group.pk,
        lambda _setting: {"permissions": []},
        lambda _setting: {"name": "Second line"},
    ),
    Form(
        "accounts_clientapplication_change",
        lambda setting: setting.world.app.pk,
        lambda _setting: {"allowed_scopes": ["contacts.read"]},
        lambda _setting: {"name": "Portal"},
    ),
    Form(
        "schemas_listitem_change",
        lambda setting: setting.item.pk,
        lambda _setting: {"name_de": "Interessentin"},
        lambda _setting: {"name_fr": "Prospecte"},
    ),
    Form(
        "contactgroups_contactgroup_change",
        lambda setting: setting.world.group.pk,
        lambda setting: {"memberships-0-access_policy": str(setting.item.pk)},
        lambda _setting: {"name": "Family"},
    ),
    Form(
        "changerequests_absence_change",
        lambda setting: setting.absence.pk,
        lambda setting: {"substitute": str(setting.world.member.pk)},
        lambda _setting: {"ends_on": str(timezone.localdate() + timedelta(days=9))},
    ),
    Form(
        "changerequests_holiday_change",
        lambda setting: setting.holiday.pk,
        lambda _setting: {"date": "2031-01-02"},
        lambda _setting: {"name": "New Year's Day"},
    ),
    Form(
        "events_webhook_change",
        lambda setting: setting.webhook.pk,
        lambda _setting: {"url": "https://93.184.216.34/second"},
        lambda _setting: {"types": ["contact.changed"]},
    ),
    Form(
        "legalentities_legalentity_edit",
        lambda setting: setting.world.legal_entity.pk,
        lambda _setting: {"details.name": "Bank AG"},
        lambda _setting: {"details.registration.registrationNumber": "CHE-1"},
    ),
    Form(
        "contacts_contact_edit",
        lambda setting: setting.world.contact.pk,
        lambda _setting: {"details.personalInformation.firstName": "Jo"},
        lambda _setting: {"details.personalInformation.displayName": "Heidi"},
    ),
]
# Forms with one field, or with rows that are only added and removed.
SMALL = {
    "accounts_participant_change": "one field: the newer name is shown beside the input, see below",
    "contacts_externalsystem_change": "one field, like a participant",
    "contacts_contact_change": "participants and members are added and removed one by one",
}


@pytest.fixture
def setting(ours: Any, make_member: Any, make_participant: Any) -> Setting:
    for kind in all_kinds():
        if not kind.always_waits:
            set_policy(policy([], []), kind=kind.key)
    anna = make_member("anna", reviews=True, sees_all_contacts=True)
    ours.member.user.user_permissions.add(_right("review_changerequest"))
    group = Group.objects.create(name="First line")
    group.permissions.add(_right("add_contact"))
    anna.user.groups.add(group)
    return Setting(
        world=ours,
        anna=anna,
        group=group,
        item=ListItem.objects.get(list__key="access-policy", key="read-only"),
        absence=absent(make_member("ben"), anna, begins=3, ends=5),
        participant=make_participant("Geneva"),
        holiday=Holiday.objects.create(date="2031-01-01", name="New Year"),
        webhook=Webhook.objects.create(application=ours.app, url="https://93.184.216.34/first"),
    )


@pytest.fixture
def people(make_member: Any, admin_of: Any) -> tuple[Client, Client]:
    first, second = (
        admin_of(make_member(name, is_superuser=True, sees_all_contacts=True)) for name in ("ruth", "rolf")
    )
    return first, second


def opened(browser: Client, address: str, **changed: Any) -> QueryDict:
    """Return the form of a page as a browser would send it, with some fields changed; None leaves a box unchecked."""
    return with_changes(sent_by(browser.get(address).content.decode()), changed)


def with_changes(form: QueryDict, changed: dict[str, Any]) -> QueryDict:
    for name, value in changed.items():
        form.setlist(name, value if isinstance(value, list) else [] if value is None else [value])
    return form


def sent(browser: Client, address: str, form: QueryDict) -> Any:
    return browser.post(address, form.urlencode(), content_type="application/x-www-form-urlencoded")


def has(form: QueryDict, changed: dict[str, Any]) -> bool:
    return all(
        form.getlist(name) == (value if isinstance(value, list) else [] if value is None else [value])
        for name, value in changed.items()
    )


def test_every_page_of_the_admin_with_a_form_is_in_the_table() -> None:
    changing = {
        page
        for page in inventory.admin_pages()
        if page.endswith(("_change", "_edit")) and ADMIN_PAGES[page].exemption is not Exemption.READS
    }
    assert changing == {form.page for form in FORMS} | SMALL.keys() | OTHERWISE.keys()


def test_the_second_of_two_people_undoes_nothing_unseen(setting: Setting, people: Any, case: Any) -> None:
    first, second = people
    for form in FORMS:
        with case(form.page):
            address = reverse(f"admin:{form.page}", args=[form.row(setting)])
            mine, theirs = form.first(setting), form.second(setting)
            earlier, later = opened(first, address, **mine), opened(second, address, **theirs)
            assert sent(first, address, earlier).status_code == 302
            with nothing_changes():
                stale = sent(second, address, later)
                assert stale.status_code == 412
            again = sent_by(stale.content.decode())
            # What the second person left alone has the newer value, and the input is kept.
            assert has(again, mine)
            assert has(again, theirs)
            assert sent(second, address, again).status_code == 302
            now = opened(first, address)
            assert has(now, mine)
            assert has(now, theirs)


def test_a_form_that_does_not_say_what_it_was_opened_on_saves_nothing(setting: Setting, people: Any, case: Any) -> None:
    first, _second = people
    for form in FORMS[:7]:
        with case(form.page), nothing_changes():
            address = reverse(f"admin:{form.page}", args=[form.row(setting)])
            for token in ("", "made-up"):
                unknown = opened(first, address, **form.first(setting), opened_on=token)
                assert sent(first, address, unknown).status_code == 412


def test_what_both_changed_keeps_the_input_with_the_newer_value_beside_it(setting: Setting, people: Any) -> None:
    first, second = people
    address = reverse("admin:accounts_participant_change", args=[setting.participant.pk])
    earlier, later = opened(first, address, name="Geneva North"), opened(second, address, name="Geneva South")
    sent(first, address, earlier)
    stale = sent(second, address, later)
    assert stale.status_code == 412
    assert "Somebody else has changed this to: Geneva North" in stale.content.decode()
    again = sent_by(stale.content.decode())
    assert again["name"] == "Geneva South"
    sent(second, address, again)
    setting.participant.refresh_from_db()
    assert setting.participant.name == "Geneva South"


def test_of_lists_additions_and_removals_of_both_count(setting: Setting, people: Any) -> None:
    first, second = people
    user, taken, given = setting.anna.user, _right("review_changerequest"), _right("anonymize_contact")
    address = reverse("admin:accounts_user_change", args=[user.pk])
    earlier, later = opened(first, address), opened(second, address)
    rights = earlier.getlist("user_permissions")
    earlier.setlist("user_permissions", [right for right in rights if right != taken])
    later.appendlist("user_permissions", given)
    sent(first, address, earlier)
    stale = sent(second, address, later)
    assert stale.status_code == 412
    assert "removed:" in stale.content.decode()
    sent(second, address, sent_by(stale.content.decode()))
    user = User.objects.get(pk=user.pk)
    assert not user.has_perm("changerequests.review_changerequest")
    assert user.has_perm("contacts.anonymize_contact")


def test_a_row_that_somebody_else_changed_is_not_removed_unseen(setting: Setting, people: Any) -> None:
    first, second = people
    address = reverse("admin:contactgroups_contactgroup_change", args=[setting.world.group.pk])
    earlier = opened(first, address, **{"memberships-0-access_policy": str(setting.item.pk)})
    later = opened(second, address, **{"memberships-0-DELETE": "on"})
    sent(first, address, earlier)
    with nothing_changes():
        stale = sent(second, address, later)
        assert stale.status_code == 412
    assert "Somebody else has changed one of these rows." in stale.content.decode()


# ---- what waits in between


def test_policies_are_not_asked_for_on_top_of_unseen_ones(setting: Setting, people: Any, make_member: Any) -> None:
    first, second = people
    reviewer = make_member("carl", is_superuser=True)
    address = reverse("admin:changerequests_policy_edit", args=[CONTACT_DETAILS])
    rows = {"stages-0-name": "Review", "stages-0-approvals": "1", "rules-0-stages": "Review"}
    earlier, later = opened(first, address, **rows), opened(second, address, is_digest_required="on")
    profile = opened(second, reverse("admin:changerequests_policyversion_changelist"), profile="standard")
    assert sent(first, address, earlier).status_code == 302
    approve(reviewer, waiting())
    with nothing_changes():
        stale = sent(second, address, later)
        assert stale.status_code == 412
        sent(second, reverse("admin:changerequests_policyversion_changelist"), profile)
    page = stale.content.decode()
    assert "The policy as it is now" in page
    assert sent_by(page)["is_digest_required"] == "on"
    assert sent(second, address, sent_by(page)).status_code in (302, 422)


def test_a_draft_of_an_older_version_is_not_published(setting: Setting, people: Any) -> None:
    first, second = people
    drafts = []
    for browser, label in ((first, "Given name"), (second, "First names")):
        address = reverse("admin:schemas_schema_change", args=[1])
        form = opened(browser, address)
        form["definition"] = form["definition"].replace("First name", label)
        drafts.append(sent(browser, address, form).url)
    assert first.post(drafts[0]).status_code == 302
    with nothing_changes():
        assert second.post(drafts[1]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_who_saves_at_the_same_moment_undoes_nothing_either(make_member: Any, admin_of: Any) -> None:
    set_policy(policy([], []), kind=RIGHTS)
    anna, ruth, rolf = (make_member(name, is_superuser=name != "anna") for name in ("anna", "ruth", "rolf"))
    address = reverse("admin:accounts_user_change", args=[anna.user_id])
    second = admin_of(rolf)
    later = opened(second, address, last_name="Bernasconi")
    stale = while_waiting(
        lambda: sent(second, address, later),
        before=lambda: change_rights(actor=member_actor(ruth), user_id=anna.user_id, target={"permissions": []}),
    )
    assert stale.status_code == 412
    assert not User.objects.get(pk=anna.user_id).user_permissions.exists()
