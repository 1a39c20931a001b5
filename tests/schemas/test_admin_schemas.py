"""The schema editor in the admin: permissions, checks while typing, publishing and old versions."""

import json
import re
from http import HTTPStatus

import pytest

from accounts.actor import member_actor, system_actor
from accounts.models import User
from changerequests.models import ChangeRequest, Verdict
from changerequests.services.deciding import decide
from schemas.models import CheckStatus, SchemaDraft, SchemaVersion
from schemas.queries import current_schema
from schemas.services import publish_schema
from tests.fixtures import details
from tests.schemas.test_drafts import text_with

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.usefixtures("default_schemas")]
LIST = "/admin/schemas/schema/"


@pytest.fixture
def editor(make_member):
    return make_member("edith", permissions=["change_schema", "view_contact"])


@pytest.fixture
def browser(admin_of, editor):
    return admin_of(editor)


@pytest.fixture
def approve(make_member):
    """Approve what waits, as somebody else."""
    reviewer = make_member("rita", reviews=True)

    def make():
        request = ChangeRequest.objects.open().get()
        decide(actor=member_actor(reviewer), change_request_id=request.pk, verdict=Verdict.APPROVE)

    return make


def page_of(key="contact"):
    return f"{LIST}{current_schema(key).schema_id}/change/"


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def check(browser, text, key="contact"):
    schema = current_schema(key)
    return browser.post(f"{LIST}{schema.schema_id}/check/", {"definition": text, "base": schema.version_id})


def write(browser, text, key="contact", base=None):
    return browser.post(page_of(key), {"definition": text, "base": base or current_schema(key).version_id})


def published_by_a_colleague(**properties):
    publish_schema(
        actor=system_actor("Otto"),
        key="contact",
        definition_text=text_with(**properties),
        concurrency_token=current_schema("contact").concurrency_token,
    )


# ---- who may


def test_without_permission_there_is_no_page(admin_of, make_member, browser):
    draft_address = write(browser, text_with(isMandatory=True)).url
    stranger = admin_of(make_member(permissions=["view_contact"]))
    version = SchemaVersion.objects.first()
    for address in (
        LIST,
        page_of(),
        draft_address,
        "/admin/schemas/schemaversion/",
        f"/admin/schemas/schemaversion/{version.pk}/change/",
    ):
        assert stranger.get(address).status_code == HTTPStatus.FORBIDDEN, address
        assert stranger.post(address).status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED), address
    assert check(stranger, "{}").status_code == HTTPStatus.FORBIDDEN


def test_who_may_look_at_schemas_changes_nothing_even_by_a_forged_post(admin_of, make_member, browser):
    published_by_a_colleague(maxLength=7)
    draft_address = write(browser, text_with(isMandatory=True)).url
    looker = admin_of(make_member(permissions=["view_schema"]))
    page = looker.get(page_of())
    assert page.status_code == HTTPStatus.OK
    assert "You may look at schemas, but not change them." in text_of(page)
    assert "readonly" in page.content.decode()
    before, drafts = current_schema("contact").version_number, SchemaDraft.objects.count()
    old = SchemaVersion.objects.filter(schema__key="contact").order_by("number").first()
    for address in (
        page_of(),
        draft_address,
        f"{draft_address}again/",
        f"/admin/schemas/schemaversion/{old.pk}/change/",
    ):
        sent = {"definition": text_with(maxLength=9), "base": current_schema("contact").version_id}
        assert looker.post(address, sent).status_code == HTTPStatus.FORBIDDEN, address
    assert check(looker, "{}").status_code == HTTPStatus.FORBIDDEN
    assert (current_schema("contact").version_number, SchemaDraft.objects.count()) == (before, drafts)


def test_what_does_not_exist_answers_404(browser):
    draft_address = write(browser, text_with(isMandatory=True)).url
    other = current_schema("legal-entity").schema_id
    assert browser.get(f"{LIST}99999/change/").status_code == HTTPStatus.NOT_FOUND
    assert browser.get(f"{page_of()}?draft=nonsense").status_code == HTTPStatus.NOT_FOUND
    assert browser.get(re.sub(r"schema/\d+/", f"schema/{other}/", draft_address)).status_code == HTTPStatus.NOT_FOUND
    assert write(browser, "{}", base=999_999).status_code == HTTPStatus.NOT_FOUND
    assert browser.get("/admin/schemas/schemaversion/999999/change/").status_code == HTTPStatus.NOT_FOUND


# ---- reading


def test_the_definition_is_a_tree_with_labels_keys_types_and_flags(browser):
    page = text_of(browser.get(page_of()))
    assert "Last name lastName Text Mandatory Approval required Exportable Searchable" in page
    assert "Nationalities nationalities Choice from a list" in page
    assert "Version 1, published by Kontor" in page


def test_the_editor_works_for_every_schema(browser):
    assert "Legal form" in text_of(browser.get(page_of("legal-entity")))
    answer = write(browser, text_with("name", schema="legal-entity", maxLength=50), key="legal-entity")
    assert "legal entities" in text_of(browser.get(answer.url))


def test_labels_are_in_the_language_of_the_reader(browser):
    page = browser.get(page_of(), headers={"accept-language": "de"}).content.decode()
    assert "Nachname" in page


# ---- checking as one types


def test_faults_come_with_their_line_and_place(browser):
    text = text_with(type="nothing")
    pretty = json.dumps(json.loads(text), indent=1)
    answer = check(browser, pretty)
    assert "no-store" in answer.headers["Cache-Control"]
    found = answer.json()
    (line,) = found["lines"]
    assert pretty.split("\n")[line - 1].strip().startswith('"type": "nothing"')
    assert "Expected one of" in found["parts"]["faults"]
    assert re.search(r"<code>elements\[\d\]\.elements\[\d\]\.type</code>", found["parts"]["faults"])


def test_a_text_that_is_no_json_is_at_fault_where_that_shows(browser):
    found = check(browser, '{"elements": [\n}').json()
    assert found["lines"] == [2]
    assert "not JSON yet" in found["parts"]["tree"]


def test_what_is_written_stays_text(browser):
    text = text_with(label={"en": "<script>alert(1)</script>"}, key="employer")
    parts = check(browser, text).json()["parts"]
    assert all("<script>" not in part for part in parts.values())
    assert "&lt;script&gt;" in parts["tree"]


def test_without_faults_it_shows_the_difference_to_the_published_version(browser):
    parts = check(browser, text_with(isMandatory=True, maxLength=7)).json()["parts"]
    assert "No faults." in parts["faults"]
    plain = " ".join(re.sub(r"<[^>]+>", " ", parts["difference"]).split())
    assert "Changed Employer occupation.employer" in plain
    assert "Added: Mandatory" in plain
    assert re.search(r"Characters at most: \d+ → 7", plain)
    assert "is identical to" in check(browser, current_schema("contact").definition_text).json()["parts"]["difference"]


def test_the_form_is_previewed_once_there_are_no_faults(browser):
    schema = current_schema("contact")

    def preview(text):
        sent = {"definition": text, "base": schema.version_id, "preview": "yes"}
        return browser.post(f"{LIST}{schema.schema_id}/check/", sent).json()["parts"]["preview"]

    assert 'name="preview' in preview(text_with(label={"en": "Works for"}))
    assert "Works for" in preview(text_with(label={"en": "Works for"}))
    assert "as soon as there are no faults" in preview(text_with(type="nothing"))
    assert "preview" not in check(browser, text_with(isMandatory=True)).json()["parts"]


def test_checking_takes_few_queries(browser, count_queries):
    text = text_with(isMandatory=True)
    check(browser, text)
    with count_queries() as queries:
        check(browser, text)
    assert len(queries) <= 12, [query["sql"][:120] for query in queries.captured_queries]


# ---- what it would do, and publishing


def test_a_faulty_text_is_kept_and_becomes_no_draft(browser):
    answer = write(browser, text_with(type="nothing"))
    assert answer.status_code == HTTPStatus.OK
    assert "1 fault" in text_of(answer)
    assert "&quot;nothing&quot;" in answer.content.decode()
    assert not SchemaDraft.objects.exists()


def test_what_would_violate_it_is_told_with_examples_that_the_viewer_sees(browser, editor, make_contact):
    mine, theirs = make_contact(members=[editor]), make_contact()
    make_contact(details(occupation={"employer": "Alm AG"}))
    answer = write(browser, text_with(isMandatory=True))
    page = browser.get(answer.url)
    assert "Employer occupation.employer This field is mandatory. 2 2" in text_of(page)
    assert f"/admin/contacts/contact/{mine.pk}/change/" in page.content.decode()
    assert f"/admin/contacts/contact/{theirs.pk}/change/" not in page.content.decode()


def test_a_colleague_does_not_get_the_examples_of_another(browser, editor, make_contact, make_member, admin_of):
    mine = make_contact(members=[editor])
    address = write(browser, text_with(isMandatory=True)).url
    colleague = admin_of(make_member(permissions=["change_schema", "view_contact"]))
    page = colleague.get(address)
    assert page.status_code == HTTPStatus.OK
    assert f"/admin/contacts/contact/{mine.pk}/change/" not in page.content.decode()
    assert str(mine) not in text_of(page)


def test_publishing_takes_one_click_and_somebody_else_and_names_the_draft_afterwards(browser, editor, approve):
    address = write(browser, text_with(isMandatory=True)).url
    page = text_of(browser.get(address))
    assert "All stored documents comply with it." in page
    assert "Request approval as version 2" in page
    answer = browser.post(address, follow=True)
    assert re.search(r"Nothing has changed yet: change request #\d+ is pending approval\.", text_of(answer))
    assert "A change requested by Edith Tester is pending review." in text_of(answer)
    assert current_schema("contact").version_number == 1
    waiting = text_of(browser.get(address))
    assert "A change requested by Edith Tester is pending review." in waiting
    assert "as version 2" not in waiting
    approve()
    assert "This was published as version 2." in text_of(browser.get(address))
    version = SchemaVersion.objects.get(schema__key="contact", number=2)
    assert (version.published_by, version.published_by_name) == (editor.user, editor.name)


def test_violations_have_to_be_accepted(browser, make_contact, approve):
    make_contact()
    address = write(browser, text_with(isMandatory=True)).url
    refused = browser.post(address)
    assert "Nothing was published." in text_of(refused)
    assert not ChangeRequest.objects.exists()
    browser.post(address, {"accepts_violations": "on"})
    assert current_schema("contact").version_number == 1
    approve()
    assert current_schema("contact").version_number == 2


def test_a_check_under_way_moves_and_cannot_be_published_yet(browser):
    address = write(browser, text_with(isMandatory=True)).url
    SchemaDraft.objects.update(status=CheckStatus.RUNNING, total=1_000_000, processed=250_000)
    page = browser.get(address)
    assert 'data-unfinished-job max="1000000" value="250000"' in page.content.decode()
    assert "250,000 of 1,000,000 checked" in text_of(page)
    assert "as version 2" not in text_of(page)
    assert "have not been checked" in text_of(browser.post(address))
    assert current_schema("contact").version_number == 1


def test_when_somebody_published_meanwhile_nothing_is_lost(browser, approve):
    base = current_schema("contact").version_id
    text = text_with(isMandatory=True)
    address = write(browser, text).url
    published_by_a_colleague(maxLength=7)
    refused = text_of(browser.post(address))
    assert "Nothing was published." in refused
    assert "Otto published version 2" in refused
    assert "Characters at most" in refused
    assert current_schema("contact").version_number == 2
    # The text is still there, to write on from, and can be compared to what is published now.
    kept = browser.get(f"{page_of()}?draft={SchemaDraft.objects.get().pk}").content.decode()
    assert "Otto published version 2 meanwhile" in kept
    assert f'name="base" value="{base}"' in kept
    on_todays = browser.post(f"{address}again/").url
    page = text_of(browser.get(on_todays))
    assert "Difference to version 2" in page
    browser.post(on_todays)
    approve()
    employer = current_schema("contact").fields["occupation.employer"]
    assert employer.is_mandatory
    assert employer.max_length != 7


def test_staff_who_are_no_member_draft_and_do_not_publish(client):
    root = User.objects.create_superuser("root", password="secret-for-tests", first_name="Ruth", last_name="Root")
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    address = write(client, text_with(isMandatory=True)).url
    assert SchemaDraft.objects.get().created_by_name == "Ruth Root"
    refused = text_of(client.post(address))
    assert "Nothing was published. Your login belongs to no member" in refused
    assert current_schema("contact").version_number == 1
    assert not ChangeRequest.objects.exists()


# ---- versions


def test_versions_are_listed_looked_at_and_compared(browser):
    published_by_a_colleague(maxLength=7)
    published_by_a_colleague(isMandatory=True)
    listed = text_of(
        browser.get(f"/admin/schemas/schemaversion/?schema__id__exact={current_schema('contact').schema_id}")
    )
    assert "Otto" in listed
    assert "Kontor" in listed
    first, _second, third = SchemaVersion.objects.filter(schema__key="contact").order_by("number")
    page = text_of(browser.get(f"/admin/schemas/schemaversion/{third.pk}/change/"))
    assert "From version 2 to version 3" in page
    assert "Added: Mandatory" in page
    assert "This is the published version." in page
    page = text_of(browser.get(f"/admin/schemas/schemaversion/{third.pk}/change/?against={first.number}"))
    assert "From version 1 to version 3" in page
    assert "Characters at most" in page
    assert browser.get(f"/admin/schemas/schemaversion/{third.pk}/change/?against=99").status_code == 404


def test_a_version_is_restored_as_a_new_one_after_the_same_check(browser, make_contact, approve):
    published_by_a_colleague(isMandatory=True)
    make_contact(details(occupation={"employer": "Alm AG"}))
    published_by_a_colleague(isMandatory=False)
    first, second, _third = SchemaVersion.objects.filter(schema__key="contact").order_by("number")
    answer = browser.post(f"/admin/schemas/schemaversion/{second.pk}/change/")
    assert "Added: Mandatory" in text_of(browser.get(answer.url))
    browser.post(answer.url)
    assert current_schema("contact").version_number == 3
    approve()
    restored = current_schema("contact")
    assert restored.version_number == 4
    assert restored.definition_json == second.definition
    assert SchemaVersion.objects.get(pk=first.pk).definition == first.definition


def test_the_page_has_no_inline_script_or_style(browser):
    address = write(browser, text_with(isMandatory=True)).url
    version = SchemaVersion.objects.first()
    for page in (page_of(), address, f"/admin/schemas/schemaversion/{version.pk}/change/"):
        content = browser.get(page).content.decode()
        own = content[content.index('class="k-page"') :]
        own = own[: own.rindex("</section>")]
        assert not re.search(r"<script|\sstyle=|\son[a-z]+=", own), page
