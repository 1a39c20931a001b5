"""`manage.py load_demo`: its data, and that running it again is harmless."""

import io

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F

from accounts.actor import member_actor
from accounts.models import ClientApplication, Member, User
from audit.models import Entry
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.conversation import add_attachment
from changerequests.services.deciding import decide
from contactgroups.models import ContactGroup, GroupMembership, LinkedEntity
from contacts.models import CONTACT_DETAILS, Channel, Contact, ExternalConnection
from core.documents import canonical
from core.errors import Forbidden, UnprocessableEntity
from devstack.demo.accounts import DEMO_ACCOUNTS, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET
from devstack.demo.contacts import contact_uid, made_up
from devstack.demo.sharing import CIRCLES
from devstack.demo.stories import STORIES, UPDATES
from importexport.models import ImportKind
from legalentities.models import LegalEntity
from schemas.queries import current_schema
from tests.devstack.stack import ROOT
from tests.fixtures import without_triggers
from tests.importexport.importing import counts, faults, synced
from tests.requests import changes_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def load_demo(*arguments):
    out = io.StringIO()
    call_command("load_demo", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def written():
    """Return the primary keys of all rows by table."""
    return {model._meta.label: set(model._default_manager.values_list("pk", flat=True)) for model in apps.get_models()}


def visible(actor):
    return set(Contact.objects.visible_to(actor).values_list("pk", flat=True))


def assigned_to(*usernames):
    return set(Contact.objects.filter(members__user__username__in=usernames).values_list("pk", flat=True))


def paths(document, above=""):
    for key, value in document.items():
        yield f"{above}{key}"
        if isinstance(value, dict):
            yield from paths(value, f"{above}{key}.")


def approve(actor, request):
    return decide(actor=actor, change_request_id=request.pk, verdict=Verdict.APPROVE)


@pytest.mark.usefixtures("loaded")
class TestTheDemo:
    """One load for all tests of the class, each of which takes back only what it does itself."""

    @pytest.fixture(scope="class")
    def loaded(self, django_db_setup, django_db_blocker):
        """The demo with the minimum number of contacts."""
        with django_db_blocker.unblock(), transaction.atomic():
            load_demo("--contacts", "60")
            yield
            transaction.set_rollback(True)

    @pytest.fixture
    def actor(self, db):
        return lambda username: member_actor(Member.objects.get(user__username=username))

    def test_families_and_companies_share_what_is_theirs(self):
        assert ContactGroup.objects.count() == len(CIRCLES)
        assert LegalEntity.objects.count() == sum(circle.company is not None for circle in CIRCLES)
        group = ContactGroup.objects.get(name="Family Dürrenmatt")
        owners = GroupMembership.objects.filter(group=group, access_policy__key="owner")
        assert [membership.contact.uid for membership in owners] == [contact_uid(29)]
        shared = LinkedEntity.objects.filter(group=group).values_list("entity_type", "entity_id")
        assert set(shared) == {("Account", 700_129), ("Account", 700_131), ("Portfolio", 81_029)}

    def test_a_larger_run_adds_exactly_what_is_missing(self):
        contacts = dict(Contact.objects.values_list("uid", "pk"))
        requests = ChangeRequest.objects.count()
        Contact.objects.get(external_connections__external_id="CBS-100051").external_connections.all().delete()
        load_demo("--contacts", "1000")
        assert Contact.objects.count() == 1000
        assert set(contacts.values()) == set(Contact.objects.filter(uid__in=contacts).values_list("pk", flat=True))
        assert ExternalConnection.objects.filter(system="Default").count() == 999
        assert Entry.objects.filter(kind="contact-details", sequence=1).count() == 1000
        assert ChangeRequest.objects.count() == requests

    def test_the_example_files_import(self):
        for kind, name in ((ImportKind.CONTACTS, "contacts.json"), (ImportKind.LEGAL_ENTITIES, "legal-entities.jsonl")):
            job = synced((ROOT / "docs" / "examples" / name).read_bytes(), kind=kind)
            assert (counts(job), faults(job)) == ((2, 0, 0, 0), [])

    def test_what_the_user_changed_stays(self):
        anna = User.objects.get(username="anna")
        anna.set_password("a secret of her own")
        anna.last_name = "Wyss"
        anna.save()
        anna.groups.clear()
        Member.objects.filter(user=anna).update(manager=None)
        Group.objects.get(name="Reviewer").permissions.clear()
        contact = Contact.objects.earliest("pk")
        with without_triggers():
            Contact.objects.filter(pk=contact.pk).update(
                details={"personalInformation": {"lastName": "Other"}}, username="me", version=F("version") + 1
            )
        before = list(User.objects.order_by("pk").values()), list(Contact.objects.order_by("pk").values())
        load_demo("--contacts", "60")
        assert (list(User.objects.order_by("pk").values()), list(Contact.objects.order_by("pk").values())) == before
        assert not anna.groups.exists()
        assert not Group.objects.get(name="Reviewer").permissions.exists()
        assert Member.objects.get(user=anna).manager is None

    def test_stored_documents_follow_the_schema_after_all_that_happened(self):
        schema = current_schema("contact")
        assert not [pk for pk, details in Contact.objects.values_list("pk", "details") if schema.validate(details)]

    def test_each_history_leads_to_the_present_version(self):
        for contact in Contact.objects.all():
            assert sorted(contact.entries.values_list("sequence", flat=True)) == list(range(1, contact.version + 1))
        assert Entry.objects.filter(initiator_application__client_id=DEMO_CLIENT_ID).count() >= 5
        assert Channel.objects.pending().get().pending_value.endswith(".example")

    def test_each_story_came_to_its_end(self):
        found = {request.subject_id: request for request in ChangeRequest.objects.of_kind(CONTACT_DETAILS)}
        assert len(found) == len(STORIES)
        states = {status: [request for request in found.values() if request.status == status] for status in Status}
        assert {status: len(requests) for status, requests in states.items()} == {
            Status.PENDING: 13,
            Status.APPROVED: 5,
            Status.REJECTED: 4,
            Status.CANCELLED: 3,
            Status.RETURNED: 1,
        }
        assert all(request.review_comment for request in states[Status.REJECTED])
        for request in states[Status.APPROVED]:
            assert request.entries.get().changes == [
                {name: change[name] for name in ("path", "original", "target")} for change in changes_of(request)
            ]
        reviewed = states[Status.APPROVED] + states[Status.REJECTED]
        assert all(request.created_at < request.reviewed_at for request in reviewed)
        by_id = sorted(found.values(), key=lambda request: request.pk)
        assert by_id == sorted(by_id, key=lambda request: request.created_at)
        assert max(update.number for update in UPDATES) <= 60

    def test_the_overtaken_request_is_refused_approval_and_no_other(self, actor):
        (overtaken,) = (contact_uid(number) for number, story in STORIES.items() if story.overtaken_by)
        rita = actor("rita")
        for request in ChangeRequest.objects.filter(status=Status.PENDING).exclude(
            subject_id=Contact.objects.get(uid=overtaken).pk
        ):
            if approve(rita, request).is_pending:
                # Tax residencies have a second stage, which requires a file.
                add_attachment(actor=rita, change_request_id=request.pk, name="form.pdf", content=b"%PDF-1.7\n%%EOF\n")
                approve(actor("carl"), request)
        (left,) = ChangeRequest.objects.filter(status=Status.PENDING)
        with pytest.raises(UnprocessableEntity) as refused:
            approve(rita, left)
        assert refused.value.sub_code == "ChangeRequestOutdated"
        assert list(refused.value.properties) == ["personalInformation.nationalities"]

    def test_who_sees_whom(self, actor, make_contact):
        nobodys = make_contact().pk
        annas, bens, heads = assigned_to("anna"), assigned_to("ben"), assigned_to("head")
        assert annas & bens
        assert annas - bens
        assert bens - annas
        assert heads - annas - bens
        assert visible(actor("anna")) == annas
        assert visible(actor("ben")) == bens
        assert visible(actor("head")) == annas | bens | heads
        assert visible(actor("rita")) == visible(actor("admin")) == annas | bens | heads | {nobodys}

    def test_contacts_belong_to_the_participants_of_those_who_look_after_them(self):
        for contact in Contact.objects.prefetch_related("participants", "members__participants"):
            expected = {participant for member in contact.members.all() for participant in member.participants.all()}
            assert set(contact.participants.all()) == expected

    def test_who_may_do_what(self, actor):
        may = {
            account.username: {
                permission
                for permission in (
                    "contacts.view_contact",
                    "changerequests.view_changerequest",
                    "changerequests.review_changerequest",
                )
                if actor(account.username).has_perm(permission)
            }
            for account in DEMO_ACCOUNTS
        }
        look = {"contacts.view_contact", "changerequests.view_changerequest"}
        everything = look | {"changerequests.review_changerequest"}
        assert may == {
            "admin": everything,
            "head": everything,
            "anna": look,
            "ben": look,
            "rita": everything,
            "carl": everything,
        }
        assert set(User.objects.filter(is_superuser=True).values_list("username", flat=True)) == {"admin"}

    def test_nobody_reviews_their_own(self, actor):
        own = ChangeRequest.objects.get(status=Status.PENDING, initiator_member__user__username="head")
        with pytest.raises(Forbidden) as refused:
            approve(actor("head"), own)
        assert refused.value.sub_code == "OwnChangeRequest"


def test_a_second_run_changes_nothing(default_schemas):
    load_demo()
    before, requests = written(), list(ChangeRequest.objects.values())
    assert len(before["contacts.Contact"]) == 200
    load_demo()
    assert written() == before
    assert list(ChangeRequest.objects.values()) == requests


def test_every_document_follows_the_schema_and_together_they_use_all_of_it(default_schemas):
    schema = current_schema("contact")
    clients = [made_up(number) for number in range(1, 3001)]
    documents = [canonical(client.details, objects=schema.object_paths) for client in clients]
    assert not [faults for faults in map(schema.validate, documents) if faults]
    assert len({client.username for client in clients}) == len(clients)
    used = {path for document in documents for path in paths(document)}
    assert {path for path, field in schema.fields.items() if not field.is_in_array} <= used


def test_the_same_number_gives_the_same_client(default_schemas):
    assert made_up(77) == made_up(77)
    assert made_up(77) != made_up(79)


def test_the_printed_passwords_open_the_accounts(default_schemas):
    told = load_demo("--contacts", "0")
    for account in DEMO_ACCOUNTS:
        assert account.username in told
        assert account.password in told
        assert User.objects.get(username=account.username, is_staff=True).check_password(account.password)


def test_the_printed_client_gets_a_token(default_schemas, client):
    told = load_demo("--contacts", "0")
    assert f"client_id     {DEMO_CLIENT_ID}\n" in told
    assert f"client_secret {DEMO_CLIENT_SECRET}\n" in told
    answer = client.post(
        "/connect/token",
        {"grant_type": "client_credentials", "client_id": DEMO_CLIENT_ID, "client_secret": DEMO_CLIENT_SECRET},
    )
    assert answer.status_code == 200, answer.content
    assert "contacts.write" in answer.json()["scope"]
    assert answer.json()["access_token"]


def test_known_passwords_do_not_enter_a_real_system(default_schemas, settings):
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="--force"):
        load_demo("--contacts", "0")
    assert not User.objects.exists()
    assert not ClientApplication.objects.exists()
    load_demo("--contacts", "0", "--force")
    assert User.objects.count() == len(DEMO_ACCOUNTS)


def test_usernames_follow_the_email_where_they_have_to(default_schemas, settings):
    settings.USERNAME_FROM_EMAIL = True
    load_demo("--contacts", "60")
    for username, details in Contact.objects.values_list("username", "details"):
        assert username == details["contactInformation"]["email"]


@pytest.mark.parametrize("count", ["-1", "many", "9000001"])
def test_senseless_numbers_are_refused(count):
    with pytest.raises(CommandError):
        load_demo("--contacts", count)
