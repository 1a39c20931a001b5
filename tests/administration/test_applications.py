"""Client applications: giving waits for somebody else, and nobody gets a key of its own alone."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.actor import member_actor, system_actor
from accounts.models import ClientApplication, Member, Notice
from administration.applications import APPLICATION
from administration.notices import deliver_notice
from administration.services.applications import change_application, create_client_application
from audit.models import Entry
from changerequests.models import ChangeRequest, Status
from changerequests.services.deciding import Parts
from changerequests.services.withdrawing import amend_change_request
from core.errors import Forbidden, UnprocessableEntity
from tests.administration.applications import RIGHTS, collect, form, page, register, text_of, token
from tests.administration.approving import approve, waiting

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_who_may_only_register_applications_changes_no_client_with_one_alone(
    browser: Client, clerk: Member, carl: Member, olga: Member, admin_of: Any, make_contact: Any, api_of: Any
) -> None:
    contact = make_contact()
    refused = browser.post("/admin/accounts/clientapplication/add/", form(clerk), follow=True)
    assert "somebody else has to request it" in text_of(refused)
    assert not ClientApplication.objects.exists()
    sent = {"client_secret": "known", "client_id": "known", "is_secret_due": "on"}
    application = register(browser, olga, **sent)
    assert (application.allowed_scopes, application.is_secret_due, application.owner) == ("", False, None)
    assert token(application, "known") is None
    assert collect(browser, application) is None
    request = waiting()
    for member in (clerk, olga):
        member.user.user_permissions.add(*carl.user.user_permissions.all())
        with pytest.raises(Forbidden):
            approve(Member.objects.get(pk=member.pk), request)
    approve(carl, request)
    # Neither who asked nor who approved gets the secret, nor can the one who asked make itself the owner.
    for other in (browser, admin_of(carl)):
        assert collect(other, application) is None
    with pytest.raises(UnprocessableEntity) as error:
        change_application(actor=member_actor(clerk), application_id=application.pk, target={"owner": clerk.pk})
    assert error.value.sub_code == "OwnerAsks"
    secret = collect(admin_of(olga), application)
    assert secret is not None
    bearer = token(application, secret)
    assert bearer is not None
    assert type(api_of(olga))(bearer).get(f"/v1.0/contacts/{contact.pk}/details").status == 200
    # Once.
    assert collect(admin_of(olga), application) is None
    assert token(application, secret) is not None


def test_a_reviewer_sees_all_that_a_new_application_gets(
    browser: Client, olga: Member, make_participant: Any, carl: Member
) -> None:
    register(browser, olga, name="all")
    assert waiting().paths == ["isSecretDue", "owner", "scopes", "seesAllContacts"]
    geneva = make_participant("Geneva")
    application = register(browser, olga, name="some", allowed_scopes=["exports"], participants=[geneva.pk])
    assert waiting().paths == ["isSecretDue", "owner", "participants", "scopes"]
    approve(carl, waiting())
    application.refresh_from_db()
    assert (application.allowed_scopes, list(application.participants.all())) == ("exports", [geneva])


def test_the_owner_is_told_and_finds_the_secret_on_the_page(
    browser: Client, olga: Member, carl: Member, admin_of: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://kontor.example"
    olga.user.email = "olga@bank.example"
    olga.user.save()
    application = register(browser, olga)
    assert "is pending review" in text_of(browser.get(page(application)))
    approve(carl, waiting())
    deliver_notice(Notice.objects.get(kind=Notice.Kind.SECRET_DUE).pk)
    assert mail.outbox[0].to == ["olga@bank.example"]
    assert f"https://kontor.example{page(application)}" in mail.outbox[0].body
    assert "Collect the secret" in text_of(admin_of(olga).get(page(application)))
    assert "Collect the secret" not in text_of(browser.get(page(application)))


def test_who_approved_a_secret_does_not_collect_it_as_a_later_owner(
    browser: Client, clerk: Member, carl: Member, olga: Member, admin_of: Any, make_member: Any
) -> None:
    application = register(browser, olga)
    approve(carl, waiting())
    other = make_member("other", reviews=True, permissions=[RIGHTS[0]])
    change_application(actor=member_actor(clerk), application_id=application.pk, target={"owner": carl.pk})
    approve(other, waiting())
    application.refresh_from_db()
    assert application.owner == carl
    assert collect(admin_of(carl), application) is None


def test_a_new_secret_waits_and_the_old_one_is_good_for_a_while_after_it_is_collected(
    browser: Client, clerk: Member, carl: Member, olga: Member, admin_of: Any
) -> None:
    application = register(browser, olga)
    approve(carl, waiting())
    old = collect(admin_of(olga), application) or ""
    browser.post(page(application), form(olga, is_secret_due="on"))
    assert collect(admin_of(olga), application) is None
    approve(carl, waiting())
    assert token(application, old) is not None
    new = collect(admin_of(olga), application) or ""
    assert token(application, new) is not None
    assert token(application, old) is not None
    shown = text_of(browser.get(page(application)))
    assert "Works until" in shown
    ClientApplication.objects.update(previous_secret_until=timezone.now())
    assert (token(application, new) is None, token(application, old) is None) == (False, True)
    assert "Works until" not in text_of(browser.get(page(application)))
    # An owner does not ask for a secret of its own.
    olga.user.is_superuser = True
    olga.user.save()
    answer = admin_of(olga).post(page(application), form(olga, is_secret_due="on"), follow=True)
    assert "somebody else has to request it" in text_of(answer)


@pytest.fixture
def application(make_participant: Any) -> ClientApplication:
    """An application of one participant, with two scopes."""
    created = create_client_application(
        actor=system_actor("tests"),
        name="portal",
        scopes=["contacts.read", "exports"],
        participants=[make_participant("Geneva")],
    )
    return created.application


def state(application: ClientApplication) -> tuple[set[str], set[str]]:
    application = ClientApplication.objects.get(pk=application.pk)
    return set(application.allowed_scopes.split()), set(application.participants.values_list("name", flat=True))


def test_what_gives_waits_and_removing_the_last_participant_gives(
    browser: Client, application: ClientApplication, carl: Member, make_participant: Any
) -> None:
    geneva, zurich = application.participants.get(), make_participant("Zurich")
    both = {"contacts.read", "exports"}
    for changed, after in (
        ({"allowed_scopes": [*both, "anonymize"], "participants": [geneva.pk]}, ({*both, "anonymize"}, {"Geneva"})),
        (
            {"allowed_scopes": [*both, "anonymize"], "participants": [zurich.pk]},
            ({*both, "anonymize"}, {"Zurich"}),
        ),
        ({"allowed_scopes": [*both, "anonymize"], "participants": []}, ({*both, "anonymize"}, set())),
    ):
        before = state(application)
        browser.post(page(application), form(None, **changed))
        assert state(application) == before
        approve(carl, waiting())
        assert state(application) == after
    assert ChangeRequest.objects.latest("pk").paths == ["participants", "seesAllContacts"]


def test_what_takes_away_is_made_at_once(
    browser: Client, application: ClientApplication, clerk: Member, make_participant: Any
) -> None:
    geneva, zurich = application.participants.get(), make_participant("Zurich")
    application.participants.add(zurich)
    browser.post(page(application), form(None, allowed_scopes=["exports"], participants=[geneva.pk]))
    assert state(application) == ({"exports"}, {"Geneva"})
    # The first participant takes sight away.
    application.participants.clear()
    browser.post(page(application), form(None, allowed_scopes=["exports"], participants=[zurich.pk]))
    assert state(application) == ({"exports"}, {"Zurich"})
    browser.post(page(application), form(None, allowed_scopes=[], participants=[zurich.pk]))
    assert state(application) == (set(), {"Zurich"})
    assert not ChangeRequest.objects.exists()
    entries = Entry.objects.filter(kind=APPLICATION, initiator_member=clerk)
    assert [entry.paths for entry in entries.order_by("pk")] == [
        ["participants", "scopes"],
        ["participants", "seesAllContacts"],
        ["scopes"],
    ]


def test_what_takes_away_is_made_and_the_rest_waits(
    browser: Client, application: ClientApplication, carl: Member
) -> None:
    participants = list(application.participants.values_list("pk", flat=True))
    sent = form(None, allowed_scopes=["contacts.read", "imports"], participants=participants)
    browser.post(page(application), sent)
    assert state(application)[0] == {"contacts.read"}
    approve(carl, waiting())
    assert state(application)[0] == {"contacts.read", "imports"}


def test_sight_is_not_struck_from_what_gives_it(browser: Client, olga: Member, carl: Member) -> None:
    register(browser, olga)
    request = waiting()
    with pytest.raises(UnprocessableEntity, match="approve them together"):
        approve(carl, request, Parts(paths=["scopes", "owner", "isSecretDue"]))
    request.refresh_from_db()
    assert request.status == Status.PENDING


def test_an_application_is_amended_within_the_rules(browser: Client, clerk: Member, carl: Member, olga: Member) -> None:
    application = register(browser, olga)
    actor, request = member_actor(clerk), waiting()
    with pytest.raises(UnprocessableEntity) as refused:
        amend_change_request(
            actor=actor, change_request_id=request.pk, document={"owner": clerk.pk, "isSecretDue": True}
        )
    assert refused.value.sub_code == "OwnerAsks"
    amended = {"owner": carl.pk, "isSecretDue": True, "scopes": ["exports"]}
    amend_change_request(actor=actor, change_request_id=request.pk, document=amended)
    with pytest.raises(Forbidden) as forbidden:
        approve(carl, request)
    assert forbidden.value.sub_code == "AboutYourself"
    application.refresh_from_db()
    assert application.allowed_scopes == ""


@pytest.mark.parametrize(
    "target",
    [
        {"name": ""},
        {"scopes": ["everything"]},
        {"scopes": "exports"},
        {"participants": [2_000_000]},
        {"owner": 2_000_000},
        {"isSecretDue": 1},
        {"client_secret": "known"},
    ],
)
def test_what_is_not_well_formed_is_refused(
    clerk: Member, application: ClientApplication, target: dict[str, Any]
) -> None:
    with pytest.raises(UnprocessableEntity) as refused:
        change_application(actor=member_actor(clerk), application_id=application.pk, target=target)
    assert refused.value.sub_code == "ValidationFailed"
    assert set(target) <= set(refused.value.properties or ())


def test_a_member_does_not_create_one_at_once(clerk: Member) -> None:
    with pytest.raises(Forbidden):
        create_client_application(actor=member_actor(clerk), name="mine", scopes=["exports"])
