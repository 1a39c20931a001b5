"""Legal entities in the admin: visibility, what is shown, and that all writes go through the service."""

import re

import pytest
from django.db.models import F

from contactgroups.models import ContactGroup, EntityType, GroupMembership, LinkedEntity
from legalentities.models import LegalEntity
from legalentities.services import replace_details
from tests.fixtures import without_triggers
from tests.legalentities.documents import company

LIST = "/admin/legalentities/legalentity/"

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def page_of(legal_entity):
    return f"{LIST}{legal_entity.pk}/change/"


def text_of(response):
    """The page without its tags, with every run of white space as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def rita(make_member):
    """Looks at everything."""
    return make_member("rita", permissions=["view_legalentity", "view_contactgroup"], sees_all_contacts=True)


class TestWhoSeesIt:
    def test_staff_without_the_permission_get_no_page(self, admin_of, make_member, make_contact, make_legal_entity):
        stranger = make_member("stranger", permissions=["view_contact"], sees_all_contacts=True)
        assert admin_of(stranger).get(LIST).status_code == 403
        assert admin_of(stranger).get(page_of(make_legal_entity(make_contact()))).status_code == 403

    def test_a_member_sees_those_of_the_groups_of_its_contacts(
        self, admin_of, make_member, make_contact, make_legal_entity
    ):
        anna = make_member("anna", permissions=["view_legalentity"])
        own = make_legal_entity(make_contact(members=[anna]))
        make_legal_entity(make_contact())
        assert admin_of(anna).get(page_of(own)).status_code == 200
        assert [row.pk for row in admin_of(anna).get(LIST).context["cl"].result_list] == [own.pk]

    @pytest.mark.parametrize("address", ["change/", "history/", "delete/"])
    def test_an_invisible_one_is_not_found_wherever_it_is_named(
        self, admin_of, make_member, make_contact, make_legal_entity, address
    ):
        root = make_member("root", is_superuser=True)
        hidden = make_legal_entity(make_contact())
        assert admin_of(root).get(f"{LIST}{hidden.pk}/{address}").status_code == 404
        assert admin_of(root).post(f"{LIST}{hidden.pk}/{address}").status_code == 404
        assert "Alpöhi" not in text_of(admin_of(root).get(LIST))

    def test_staff_who_are_no_member_see_nothing(self, admin_user, client, make_contact, make_legal_entity):
        made = make_legal_entity(make_contact())
        client.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")
        assert "Your login belongs to no member" in text_of(client.get(LIST))
        assert client.get(page_of(made)).status_code == 404


def test_nothing_is_deleted_or_changed_but_by_its_form(admin_of, make_member, make_contact, make_legal_entity):
    root = make_member("root", is_superuser=True, sees_all_contacts=True)
    made = make_legal_entity(make_contact())
    before = LegalEntity.objects.filter(pk=made.pk).values().get()
    browser = admin_of(root)
    assert browser.post(page_of(made), {"details": "{}", "external_id": "x"}).status_code == 403
    assert browser.post(f"{LIST}{made.pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post(LIST, {"action": "delete_selected", "_selected_action": [made.pk], "post": "yes"})
    assert LegalEntity.objects.filter(pk=made.pk).values().get() == before


class TestThePage:
    def test_it_shows_details_by_section_with_readable_values_and_the_group(
        self, admin_of, rita, make_contact, make_legal_entity
    ):
        document = company(
            business={"employees": 12_500, "website": "https://alp.example/"},
            contactInformation={"addresses": [{"type": "domicile", "city": "Chur", "country": "CH"}]},
        )
        made = make_legal_entity(make_contact(), make_contact(), document=document, external_id="LE-7")
        page = admin_of(rita).get(page_of(made))
        shown = text_of(page)
        for text in (
            "Legal form Stock corporation",
            "State or canton of incorporation Graubünden",
            "Number of employees 12,500",
            "External id LE-7",
            "Contacts 2",
            "The legal entity was created.",
        ):
            assert text in shown
        group = LinkedEntity.objects.get(entity_id=made.pk, entity_type=EntityType.LEGAL_ENTITY).group
        assert f'href="/admin/contactgroups/contactgroup/{group.pk}/change/"' in page.content.decode()

    def test_it_is_in_the_language_of_the_reader(self, admin_of, rita, make_contact, make_legal_entity):
        shown = text_of(admin_of(rita).get(f"{page_of(make_legal_entity(make_contact()))}?language=de"))
        assert "Rechtsform Aktiengesellschaft" in shown

    def test_its_history_says_what_changed_and_who_did_it(
        self, admin_of, rita, make_member, make_contact, make_legal_entity, actor_of
    ):
        anna = make_member("anna")
        made = make_legal_entity(make_contact(members=[anna]))
        for website in ("https://alp.example/", "https://firn.example/"):
            moved = company(business={"website": website})
            replace_details(actor=actor_of(anna), legal_entity_id=made.pk, details=moved)
        shown = text_of(admin_of(rita).get(page_of(made)))
        assert "Anna Tester" in shown
        assert "Removed: https://alp.example/" in shown
        assert "Added: https://firn.example/" in shown

    def test_it_does_not_name_contacts_that_the_reader_cannot_see(
        self, admin_of, make_member, make_contact, make_legal_entity, api_of, flag_fields
    ):
        flag_fields("contactInformation.phone", isUpdatableByContact=True)
        anna = make_member("anna", permissions=["view_legalentity"])
        seen, other = make_contact(members=[anna]), make_contact()
        made = make_legal_entity(seen, other)
        document = company(contactInformation={"phone": "+41 44 123 45 67"})
        api_of(other).put(f"/v1.0/legalentities/{made.pk}/details", {"details": document})
        shown = text_of(admin_of(anna).get(page_of(made)))
        assert "A contact that you cannot see" in shown
        assert "Spyri" not in shown
        assert "Contacts 1" in shown

    def test_details_that_do_not_follow_the_schema_are_still_shown(
        self, admin_of, rita, make_contact, make_legal_entity
    ):
        made = make_legal_entity(make_contact())
        odd = {"name": ["no", "text"], "registration": "none", "old": {"field": [True, {"deep": "value"}]}}
        with without_triggers():
            LegalEntity.objects.filter(pk=made.pk).update(details=odd, version=F("version") + 1)
        page = admin_of(rita).get(page_of(made))
        assert page.status_code == 200
        assert "No longer in the schema" in text_of(page)

    def test_who_may_not_look_at_groups_gets_no_link_to_one(
        self, admin_of, make_member, make_contact, make_legal_entity
    ):
        reader = make_member("reader", permissions=["view_legalentity"], sees_all_contacts=True)
        made = make_legal_entity(make_contact())
        for address in (page_of(made), LIST):
            assert "/admin/contactgroups/" not in admin_of(reader).get(address).content.decode()


class TestTheList:
    def test_it_shows_names_external_ids_groups_and_the_number_of_contacts(
        self, admin_of, rita, make_contact, make_legal_entity
    ):
        made = make_legal_entity(make_contact(), make_contact(), external_id="LE-7")
        group = ContactGroup.objects.get()
        ContactGroup.objects.update(name="Family Alp")
        page = admin_of(rita).get(LIST)
        assert "Alpöhi Holding AG LE-7 Family Alp 2" in text_of(page)
        assert f"/admin/contactgroups/contactgroup/{group.pk}/change/" in page.content.decode()
        assert page_of(made) in page.content.decode()

    def test_one_without_a_name_can_still_be_followed(self, admin_of, rita, make_contact, make_legal_entity):
        made = make_legal_entity(make_contact())
        with without_triggers():
            LegalEntity.objects.update(details={}, version=F("version") + 1)
        assert str(made.uid) in text_of(admin_of(rita).get(LIST))

    def test_it_is_searched(self, admin_of, rita, make_contact, make_legal_entity):
        made = make_legal_entity(make_contact(), external_id="LE-7")
        make_legal_entity(make_contact(), document=company(name="Seilbahn GmbH"))
        browser = admin_of(rita)

        def found(query):
            return [row.pk for row in browser.get(f"{LIST}?q={query}").context["cl"].result_list]

        for query in ("alp", "holding+ALP", "LE-7", str(made.pk), str(made.uid)):
            assert found(query) == [made.pk], query
        for query in ("LE", "100%25", "99999999999999999999", "%5C"):
            assert found(query) == [], query
        assert len(found("")) == len(found("+")) == 2

    @pytest.mark.parametrize("rows", [5, 100])
    @pytest.mark.parametrize("sees_all", [True, False])
    def test_it_takes_as_many_queries_for_many_rows_as_for_few(
        self, admin_of, make_member, make_contact, policy, rows, sees_all, count_queries
    ):
        permissions = ["view_legalentity", "view_contactgroup"]
        member = make_member("reader", permissions=permissions, sees_all_contacts=sees_all)
        contact, owner = make_contact(members=[member]), policy("owner")
        groups = ContactGroup.objects.bulk_create(ContactGroup() for _ in range(rows))
        with without_triggers():
            made = LegalEntity.objects.bulk_create(LegalEntity(details=company()) for _ in range(rows))
        GroupMembership.objects.bulk_create(
            GroupMembership(group=group, contact=contact, access_policy_id=owner) for group in groups
        )
        LinkedEntity.objects.bulk_create(
            LinkedEntity(group=group, entity_type=EntityType.LEGAL_ENTITY, entity_id=row.pk)
            for group, row in zip(groups, made, strict=True)
        )
        browser = admin_of(member)
        browser.get(LIST)
        with count_queries() as queries:
            listed = browser.get(f"{LIST}?q=alp")
        assert listed.context["cl"].result_count == rows
        assert len(queries) <= 12, [query["sql"][:120] for query in queries.captured_queries]
        assert not any('."details",' in query["sql"] for query in queries.captured_queries)
