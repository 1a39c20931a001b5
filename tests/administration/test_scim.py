"""SCIM: the directory makes logins that can do nothing, asks for their rights, and takes away at once."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group, Permission

from accounts.actor import member_actor, system_actor
from accounts.models import ClientApplication, Member, Notice, ProviderIdentity, User
from accounts.scopes import ALL_SCOPES
from administration.rights import RIGHTS
from administration.services.rights import change_rights
from audit.models import Entry
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from contacts.services.logins import open_login
from core.errors import Forbidden
from tests.administration.approving import approve, waiting
from tests.api import Answer, Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ISSUER = "https://login.bank.example"
USERS, GROUPS = "/scim/v2/Users", "/scim/v2/Groups"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ANNA = {
    "schemas": [USER],
    "userName": "anna",
    "externalId": "anna-at-the-bank",
    "name": {"givenName": "Anna", "familyName": "Bernasconi"},
    "emails": [{"value": "private@anna.example"}, {"value": "anna@bank.example", "type": "work", "primary": True}],
    "active": True,
}


@pytest.fixture(autouse=True)
def _provider(settings: Any) -> None:
    names = {"name": "bank", "label": "Bank", "issuer": ISSUER, "client_id": "kontor", "client_secret": "secret"}
    settings.OIDC_PROVIDERS = [names]
    settings.SCIM_ISSUER = ISSUER
    settings.PUBLIC_URL = "https://kontor.example"


@pytest.fixture
def application(make_app: Any) -> ClientApplication:
    client: ClientApplication = make_app("directory")
    return client


@pytest.fixture
def directory(application: ClientApplication, api_of: Any) -> Api:
    api: Api = api_of(application, scopes=["scim"])
    return api


@pytest.fixture
def carl(make_member: Any) -> Member:
    """A reviewer who sees users."""
    member: Member = make_member("carl", reviews=True, permissions=["view_user", "view_changerequest"])
    return member


@pytest.fixture
def reviewers() -> Group:
    group = Group.objects.create(name="Reviewers")
    group.permissions.add(Permission.objects.get(codename="review_changerequest"))
    return group


def patched(api: Api, address: str, *operations: dict[str, Any]) -> Answer:
    return api.patch(address, {"schemas": [PATCH], "Operations": list(operations)})


def found(api: Api, address: str, query: dict[str, str]) -> Answer:
    return api.get(f"{address}?{urlencode(query)}")


def of(user: User) -> str:
    return f"{USERS}/{user.pk}"


def made(directory: Api, **changed: Any) -> User:
    answer = directory.post(USERS, {**ANNA, **changed})
    assert answer.status == 201, answer.json
    return User.objects.get(pk=answer.json["id"])


def approved(directory: Api, carl: Member, **changed: Any) -> User:
    user = made(directory, **changed)
    approve(carl, waiting())
    return User.objects.get(pk=user.pk)


def rights_of(user: User) -> tuple[bool, bool, bool, set[str], bool]:
    user = User.objects.get(pk=user.pk)
    groups = set(user.groups.values_list("name", flat=True))
    return user.is_active, user.is_staff, user.is_superuser, groups, Member.objects.filter(user=user).exists()


NOTHING = (False, False, False, set[str](), False)


# ---- who may


def test_nobody_but_an_application_with_the_scope(
    anonymous: Api, application: ClientApplication, make_member: Any, make_contact: Any, api_of: Any, case: Any
) -> None:
    others = [scope for scope in ALL_SCOPES if scope != "scim"]
    callers = {
        "anonymous": (anonymous, 401),
        "every other scope": (api_of(application, scopes=others), 403),
        "a superuser": (api_of(make_member(is_superuser=True)), 403),
        "a contact": (api_of(make_contact()), 403),
    }
    for name, (api, status) in callers.items():
        for method, address in (
            *(("GET", path) for path in (USERS, GROUPS, f"{USERS}/1", f"{GROUPS}/1")),
            *(("GET", f"/scim/v2/{path}") for path in ("ServiceProviderConfig", "ResourceTypes", "Schemas", "Me")),
            *((method, f"{path}/1") for path in (USERS, GROUPS) for method in ("PUT", "PATCH", "DELETE")),
            *(("POST", path) for path in (USERS, GROUPS, "/scim/v2/Bulk", "/scim/v2/.search")),
        ):
            with case(name, method, address):
                answer = api.call(method, address, {} if method in ("POST", "PUT", "PATCH") else None)
                assert (answer.status, answer.json["status"]) == (status, str(status))
                assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
                assert answer.headers["Content-Type"] == "application/scim+json"


def test_superusers_and_clients_are_not_the_directory_s(directory: Api, make_member: Any, make_contact: Any) -> None:
    """Whatever the directory says, the institution comes in."""
    root = make_member("root", is_superuser=True).user
    client = open_login(actor=system_actor("tests"), contact_id=make_contact(username="heidi").pk)
    assert directory.get(USERS).json["totalResults"] == 0
    for user in (root, client):
        assert directory.get(of(user)).status == 404
        assert directory.put(of(user), ANNA).status == 404
        assert patched(directory, of(user), {"op": "replace", "path": "active", "value": False}).status == 404
        assert directory.delete(of(user)).status == 404
        answer = directory.post(USERS, {**ANNA, "userName": user.username})
        assert (answer.status, answer.json["scimType"]) == (409, "uniqueness")
        assert User.objects.get(pk=user.pk).is_active
        answer = directory.post(GROUPS, {"schemas": [GROUP], "displayName": "X", "members": [{"value": str(user.pk)}]})
        assert answer.status == 404
    assert not ChangeRequest.objects.exists()


# ---- making members


def test_what_the_directory_makes_can_do_nothing_until_somebody_approves(
    directory: Api, application: ClientApplication, carl: Member, make_member: Any
) -> None:
    owner = make_member("owner", reviews=True, permissions=["view_user", "view_changerequest"])
    ClientApplication.objects.filter(pk=application.pk).update(owner=owner)
    user = made(directory)
    assert rights_of(user) == NOTHING
    assert (user.has_usable_password(), user.email, ProviderIdentity.objects.count()) == (False, "", 0)
    request = waiting()
    assert (request.kind, request.subject_id, request.initiator_application_id) == (RIGHTS, user.pk, application.pk)
    with pytest.raises(Forbidden):
        approve(owner, request)
    approve(carl, request)
    assert rights_of(user) == (True, True, False, set(), True)
    user.refresh_from_db()
    assert (user.get_full_name(), user.email) == ("Anna Bernasconi", "anna@bank.example")
    identity = ProviderIdentity.objects.get(user=user)
    assert (identity.issuer, identity.subject) == (ISSUER, "anna-at-the-bank")
    # Who comes in from the provider needs no password.
    assert not Notice.objects.filter(kind=Notice.Kind.PASSWORD_LINK).exists()


def test_what_the_directory_says_before_it_is_approved_is_what_is_approved(directory: Api, carl: Member) -> None:
    user = made(directory)
    seen = waiting()
    patched(directory, of(user), {"op": "replace", "path": "emails", "value": [{"value": "other@bank.example"}]})
    assert (waiting().pk, waiting().revision_number) == (seen.pk, 2)
    directory.put(of(user), {**ANNA, "emails": [{"value": "third@bank.example"}]})
    assert (waiting().pk, waiting().revision_number) == (seen.pk, 3)
    assert User.objects.get(pk=user.pk).email == ""
    approve(carl, waiting())
    assert User.objects.get(pk=user.pk).email == "third@bank.example"


def test_what_is_rejected_is_not_asked_for_again_by_repeating_it(directory: Api, carl: Member) -> None:
    user = made(directory)
    decide(actor=member_actor(carl), change_request_id=waiting().pk, verdict=Verdict.REJECT)
    assert directory.put(of(user), ANNA).json["active"] is True
    assert directory.get(of(user)).json["userName"] == "anna"
    assert (ChangeRequest.objects.count(), rights_of(user)) == (1, NOTHING)
    patched(directory, of(user), {"op": "replace", "path": "active", "value": False})
    patched(directory, of(user), {"op": "replace", "path": "active", "value": True})
    approve(carl, waiting())
    assert rights_of(user) == (True, True, False, set(), True)


def test_a_request_of_somebody_else_is_not_touched(
    directory: Api, carl: Member, make_member: Any, reviewers: Group
) -> None:
    user = approved(directory, carl)
    root = make_member("root", is_superuser=True)
    change_rights(actor=member_actor(root), user_id=user.pk, target={"groups": [reviewers.pk]})
    answer = directory.put(of(user), {**ANNA, "name": {"givenName": "Anna", "familyName": "Brunner"}})
    assert answer.status == 409
    assert directory.get(of(user)).json["name"]["familyName"] == "Bernasconi"
    assert waiting().revision_number == 1
    # Closing needs nobody, whoever asks for what.
    patched(directory, of(user), {"op": "replace", "path": "active", "value": False})
    assert (rights_of(user)[0], waiting().initiator_member) == (False, root)


def test_nobody_gets_the_name_of_another(directory: Api, carl: Member, make_contact: Any) -> None:
    make_contact(username="heidi")
    assert directory.post(USERS, {**ANNA, "userName": "Heidi"}).json["scimType"] == "uniqueness"
    anna, berta = made(directory), made(directory, userName="berta", externalId="b", emails=[], active=False)
    for user, name in ((berta, "ANNA"), (anna, "Berta"), (anna, "carl"), (anna, "HEIDI")):
        answer = patched(directory, of(user), {"op": "replace", "path": "userName", "value": name})
        assert (answer.status, answer.json["scimType"]) == (409, "uniqueness")
    assert patched(directory, of(berta), {"op": "replace", "path": "userName", "value": "BERTA"}).status == 200


@pytest.mark.parametrize(
    ("changed", "status", "scim_type"),
    [
        ({"userName": "CARL"}, 409, "uniqueness"),
        ({"userName": "with space"}, 400, "invalidValue"),
        ({"userName": None}, 400, "invalidValue"),
        ({"emails": [{"value": "nowhere"}]}, 400, "invalidValue"),
        ({"active": "perhaps"}, 400, "invalidValue"),
        ({"externalId": "x" * 300}, 400, "invalidValue"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    directory: Api, carl: Member, changed: dict[str, Any], status: int, scim_type: str
) -> None:
    answer = directory.post(USERS, {**ANNA, **changed})
    assert (answer.status, answer.json["scimType"]) == (status, scim_type)
    assert (User.objects.count(), ChangeRequest.objects.count()) == (1, 0)


def test_nobody_approves_what_the_directory_asks_for_itself(
    directory: Api, carl: Member, make_member: Any, reviewers: Group
) -> None:
    """Also if that is a member already, whom the directory has not made."""
    second = make_member("second", reviews=True, permissions=["view_user", "view_changerequest"])
    directory.post(
        GROUPS, {"schemas": [GROUP], "displayName": "Bank reviewers", "members": [{"value": str(second.user_id)}]}
    )
    with pytest.raises(Forbidden) as refused:
        approve(second, waiting())
    assert refused.value.sub_code == "AboutYourself"
    approve(carl, waiting())
    assert rights_of(second.user)[3] == {"Bank reviewers"}


# ---- closing


def test_closing_needs_nobody(directory: Api, carl: Member, api_of: Any) -> None:
    user = approved(directory, carl)
    api = api_of(user.member)
    assert api.get("/v1.0/change-requests/1").status == 404
    # As Entra ID writes it.
    answer = patched(directory, of(user), {"op": "Replace", "path": "active", "value": "False"})
    assert (answer.status, answer.json["active"]) == (200, False)
    assert rights_of(user)[0] is False
    assert api.get("/v1.0/change-requests/1").status == 401
    assert Notice.objects.filter(kind=Notice.Kind.RIGHTS_TAKEN, paths=["isActive"]).exists()
    assert Entry.objects.filter(kind=RIGHTS, subject_id=user.pk).latest("pk").initiator_application is not None
    # Opening it again does.
    patched(directory, of(user), {"op": "replace", "path": "active", "value": True})
    assert rights_of(user)[0] is False
    approve(carl, waiting())
    assert rights_of(user)[0] is True


def test_closing_withdraws_what_waits(directory: Api) -> None:
    user = made(directory)
    patched(directory, of(user), {"op": "replace", "value": {"active": False}})
    assert ChangeRequest.objects.get().status == Status.CANCELLED
    patched(directory, of(user), {"op": "replace", "path": "name.familyName", "value": "Brunner"})
    assert ChangeRequest.objects.count() == 1
    assert directory.get(of(user)).json["name"]["familyName"] == "Brunner"


def test_a_user_that_is_deleted_is_closed_and_may_come_back(directory: Api, carl: Member) -> None:
    user = approved(directory, carl)
    assert directory.delete(of(user)).status == 204
    assert (directory.get(of(user)).status, directory.get(USERS).json["totalResults"]) == (404, 1)
    assert rights_of(user)[0] is False
    assert made(directory).pk == user.pk
    assert rights_of(user)[0] is False
    approve(carl, waiting())
    assert rights_of(user)[0] is True


@pytest.mark.parametrize("said", [{}, {"active": False}])
def test_a_user_that_people_have_made_a_superuser_does_not_come_back(directory: Api, said: dict[str, Any]) -> None:
    user = made(directory)
    directory.delete(of(user))
    rights = {"isActive": True, "isStaff": True, "isSuperuser": True, "isMember": True}
    change_rights(actor=system_actor("two people"), user_id=user.pk, target=rights)
    answer = directory.post(USERS, {**ANNA, **said})
    assert (answer.status, answer.json["scimType"]) == (409, "uniqueness")
    assert rights_of(user)[:3] == (True, True, True)


def test_a_request_with_a_fault_in_its_query_leaves_nothing(directory: Api) -> None:
    both = urlencode({"attributes": "userName", "excludedAttributes": "name"})
    assert directory.post(f"{USERS}?{both}", ANNA).status == 400
    assert (User.objects.count(), ChangeRequest.objects.count()) == (0, 0)


def test_another_external_id_ends_the_link_at_once_and_asks_for_the_new_one(directory: Api, carl: Member) -> None:
    user = approved(directory, carl)
    patched(directory, of(user), {"op": "replace", "path": "externalId", "value": "somebody-else"})
    assert not ProviderIdentity.objects.exists()
    approve(carl, waiting())
    assert ProviderIdentity.objects.get().subject == "somebody-else"


# ---- groups


def test_a_group_of_the_directory_gives_nothing_and_membership_waits(
    directory: Api, carl: Member, reviewers: Group
) -> None:
    user = approved(directory, carl)
    member = {"value": str(user.pk)}
    answer = patched(directory, f"{GROUPS}/{reviewers.pk}", {"op": "add", "path": "members", "value": [member]})
    assert [one["value"] for one in answer.json["members"]] == [str(user.pk)]
    assert directory.get(of(user)).json["groups"] == [{"value": str(reviewers.pk), "display": "Reviewers"}]
    assert rights_of(user)[3] == set()
    approve(carl, waiting())
    assert rights_of(user)[3] == {"Reviewers"}
    patched(directory, f"{GROUPS}/{reviewers.pk}", {"op": "remove", "path": f'members[value eq "{user.pk}"]'})
    assert rights_of(user)[3] == set()
    assert "members" not in directory.get(f"{GROUPS}/{reviewers.pk}").json


def test_groups_of_somebody_who_waits_wait_with_it(directory: Api, carl: Member, reviewers: Group) -> None:
    user = made(directory)
    directory.put(
        f"{GROUPS}/{reviewers.pk}", {"schemas": [GROUP], "displayName": "R", "members": [{"value": str(user.pk)}]}
    )
    assert ChangeRequest.objects.count() == 1
    patched(directory, of(user), {"op": "replace", "path": "active", "value": False})
    patched(directory, of(user), {"op": "replace", "path": "active", "value": True})
    approve(carl, waiting())
    assert rights_of(user) == (True, True, False, {"Reviewers"}, True)


def test_taking_out_of_a_group_withdraws_what_waits(directory: Api, carl: Member, reviewers: Group) -> None:
    user = approved(directory, carl)
    address = f"{GROUPS}/{reviewers.pk}"
    patched(directory, address, {"op": "add", "path": "members", "value": [{"value": str(user.pk)}]})
    patched(directory, address, {"op": "remove", "path": "members"})
    assert (ChangeRequest.objects.latest("pk").status, rights_of(user)[3]) == (Status.CANCELLED, set())


def test_a_group_that_the_directory_deletes_stays_here_without_its_people(
    directory: Api, carl: Member, make_member: Any, reviewers: Group
) -> None:
    user, root = approved(directory, carl), make_member("root", is_superuser=True).user
    user.groups.add(reviewers)
    root.groups.add(reviewers)
    assert directory.delete(f"{GROUPS}/{reviewers.pk}").status == 204
    assert directory.get(f"{GROUPS}/{reviewers.pk}").status == 404
    assert list(reviewers.user_set.all()) == [root]
    assert reviewers.permissions.exists()
    answer = directory.post(GROUPS, {"schemas": [GROUP], "displayName": "Reviewers"})
    assert (answer.status, answer.json["id"]) == (201, str(reviewers.pk))


def test_what_the_directory_calls_a_group_is_beside_its_name_here(directory: Api, reviewers: Group) -> None:
    patched(directory, f"{GROUPS}/{reviewers.pk}", {"op": "replace", "path": "displayName", "value": "KON-REV"})
    reviewers.refresh_from_db()
    assert reviewers.name == "Reviewers"
    resources = found(directory, GROUPS, {"filter": 'displayName eq "kon-rev"'}).json["Resources"]
    assert [one["displayName"] for one in resources] == ["KON-REV"]
    answer = directory.post(GROUPS, {"schemas": [GROUP], "displayName": "Reviewers"})
    assert (answer.status, answer.json["scimType"]) == (409, "uniqueness")


# ---- finding


def test_filters_and_pages(directory: Api, make_member: Any, reviewers: Group, case: Any) -> None:
    anna = made(directory)
    berta, carla = (make_member(name).user for name in ("berta", "carla"))
    berta.groups.add(reviewers)
    for asked, expected in {
        'userName eq "ANNA"': [anna],
        'externalId eq "anna-at-the-bank"': [anna],
        'externalId eq "ANNA-at-the-bank"': [],
        'emails[value eq "anna@bank.example"]': [anna],
        'emails.value co "bank" and name.familyName sw "ber"': [anna],
        'name.givenName eq "Berta" or name.givenName eq "Anna"': [anna, berta],
        'not (userName ew "a")': [],
        "externalId pr": [anna],
        "not (externalId pr)": [berta, carla],
        'userName ne "anna"': [berta, carla],
        "active eq true": [anna, berta, carla],
        f'id eq "{carla.pk}"': [carla],
        'id eq "x"': [],
        'meta.lastModified gt "2020-01-01T00:00:00Z"': [anna, berta, carla],
        f'{USER}:userName eq "berta"': [berta],
    }.items():
        with case(asked):
            resources = found(directory, USERS, {"filter": asked}).json.get("Resources", [])
            assert [int(one["id"]) for one in resources] == [user.pk for user in expected]
    for asked in ("userName", 'nothing eq "x"', 'userName gt "a"', "active gt true", 'userName eq "a', 'id co "1"'):
        with case(asked):
            answer = found(directory, USERS, {"filter": asked})
            assert (answer.status, answer.json["scimType"]) == (400, "invalidFilter")
    page = found(directory, USERS, {"startIndex": "2", "count": "1"}).json
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (3, 1, 2)
    assert page["Resources"][0]["userName"] == "berta"
    assert found(directory, USERS, {"count": "0"}).json["totalResults"] == 3
    members = found(directory, GROUPS, {"filter": f'members eq "{berta.pk}"', "excludedAttributes": "members"}).json
    assert [one["displayName"] for one in members["Resources"]] == ["Reviewers"]


def test_lists_take_as_many_queries_however_long_they_are(
    directory: Api, make_member: Any, reviewers: Group, count_queries: Any
) -> None:
    counts = []
    for number in range(2):
        for name in range(number * 3 + 1):
            make_member(f"m-{number}-{name}").user.groups.add(reviewers)
        for address in (USERS, GROUPS):
            with count_queries() as queries:
                assert directory.get(address).status == 200
            counts.append(len(queries))
    assert counts[:2] == counts[2:]


def test_what_kontor_has_no_use_for_is_ignored(directory: Api) -> None:
    extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    sent = {**ANNA, "schemas": [USER, extension], "title": "Dr.", "password": "x", extension: {"department": "IT"}}
    answer = directory.post(USERS, sent)
    assert answer.status == 201
    assert not {"title", "password", extension} & answer.json.keys()
