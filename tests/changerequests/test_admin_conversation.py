"""The conversation on the review page: who may add to it, what it takes, and what it leaves as it was typed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.actor import member_actor
from accounts.models import Member, User
from changerequests.attachments import MAX_BYTES, MAX_FORM_BYTES
from changerequests.models import ChangeRequest, RequestAttachment, RequestComment, Status, Verdict
from changerequests.services.deciding import decide
from changerequests.services.withdrawing import cancel_change_request
from contacts.models import Contact
from tests.browserless import sent_by
from tests.changerequests.engine import BOTH, NAME, NOTES
from tests.changerequests.requesting import PDF
from tests.changerequests.reviewing import QUEUE, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Any) -> None:
    default = {"BACKEND": "core.storage.WholeFilesStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": default}


def comment(browser: Client, request: ChangeRequest, text: str = "Which passport?", **typed: Any) -> Any:
    return browser.post(f"{QUEUE}{request.pk}/comment/", {"text": text, **typed}, follow=True)


def attach(
    browser: Client, request: ChangeRequest, content: bytes = PDF, name: str = "passport.pdf", **typed: Any
) -> Any:
    form = {"file": SimpleUploadedFile(name, content), **typed}
    return browser.post(f"{QUEUE}{request.pk}/attach/", form, follow=True)


# ---- who may


def test_staff_without_any_permission_and_without_a_member_say_nothing(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    stranger = admin_of(make_member("stranger", sees_all_contacts=True, permissions=[]))
    root = Client()
    user = User.objects.create_superuser("root", password="secret-for-tests")
    root.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    for add in (comment, attach):
        assert add(stranger, asked).status_code == 403
        assert add(root, asked).status_code == 404
    assert not RequestComment.objects.exists()
    assert not RequestAttachment.objects.exists()


def test_who_only_looks_comments_but_attaches_nothing(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    looker = admin_of(make_member("looker", permissions=["view_changerequest"], sees_all_contacts=True))
    assert "Attach the file" not in text_of(looker.get(page_of(asked)))
    assert "Only the initiator and reviewers may attach files." in text_of(attach(looker, asked))
    assert "Which passport?" in text_of(comment(looker, asked))
    assert not RequestAttachment.objects.exists()


def test_a_request_about_an_invisible_contact_is_not_found(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    stranger = admin_of(make_member("stranger", reviews=True))
    assert comment(stranger, asked).status_code == attach(stranger, asked).status_code == 404
    assert not RequestComment.objects.exists()


def test_a_closed_request_takes_no_more_and_shows_no_form(
    admin_of: Callable[..., Client], anna: Member, asked: ChangeRequest
) -> None:
    cancel_change_request(actor=member_actor(anna), change_request_id=asked.pk)
    browser = admin_of(anna)
    assert 'name="text"' not in browser.get(page_of(asked)).content.decode()
    assert comment(browser, asked).status_code == attach(browser, asked).status_code == 200
    assert not RequestComment.objects.exists()
    assert not RequestAttachment.objects.exists()


@pytest.mark.parametrize("part", ["comment", "attach"])
def test_neither_a_link_nor_a_forged_form_adds_anything(rita: Member, asked: ChangeRequest, part: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(rita.user, backend="django.contrib.auth.backends.ModelBackend")
    address = f"{QUEUE}{asked.pk}/{part}/"
    assert browser.get(address).status_code == 405
    assert browser.post(address, {"text": "x", "file": SimpleUploadedFile("a.pdf", PDF)}).status_code == 403
    assert not RequestComment.objects.exists()
    assert not RequestAttachment.objects.exists()


def test_the_form_of_the_page_is_taken_from_initiator_and_reviewer(
    anna: Member, rita: Member, asked: ChangeRequest
) -> None:
    for member in (anna, rita):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
        form = sent_by(browser.get(page_of(asked)).content.decode())
        form["text"] = f"By {member.name}"
        assert f"By {member.name}" in text_of(comment(browser, asked, **dict(form.items())))


# ---- what it takes


def test_initiator_and_reviewer_talk_newest_last_and_the_page_goes_to_what_was_added(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    comment(admin_of(rita), asked, "Which <passport>?")
    attached = attach(admin_of(anna), asked, name="Pass\u202efdp 1.pdf")
    file = RequestAttachment.objects.get()
    assert attached.redirect_chain == [(f"{page_of(asked)}#requestattachment-{file.pk}", 302)]
    last = comment(admin_of(anna), asked, "This one.")
    said = text_of(last).partition("Conversation")[2]
    assert said.index("Which &lt;passport&gt;?") < said.index("Passfdp 1.pdf") < said.index("This one.")
    assert said.index("Rita Tester") < said.index("Anna Tester")
    assert f"{QUEUE}{asked.pk}/attachments/{file.pk}/" in last.content.decode()
    asked.refresh_from_db()
    assert asked.status == Status.PENDING


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write something first."),
        (" \n ", "Write something first."),
        ("\u200b\u2060", "The text has no visible character."),
        ("x" * 2001, "2000"),
    ],
)
def test_what_is_no_comment_is_refused_beside_the_field_and_kept(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, text: str, said: str
) -> None:
    refused = comment(admin_of(rita), asked, text, comment="Seen the passport")
    assert said in text_of(refused).partition("Conversation")[2]
    assert text in refused.content.decode()
    assert "Seen the passport" in refused.content.decode()
    assert not RequestComment.objects.exists()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "The file is empty. Choose another one."),
        (b"PK\x03\x04 rest", "ZIP is not supported; send PDF, JPEG, PNG or WebP."),
        (b"GIF89a", "GIF is not supported; send PDF, JPEG, PNG or WebP."),
        (b"\x00\x00\x00\x18ftypheic", "HEIC is not supported; send PDF, JPEG, PNG or WebP."),
        (b"<html><script>", "Save it as one of these, and attach that."),
        (b" %PDF-1.7", "Save it as one of these, and attach that."),
    ],
)
def test_other_files_are_refused_by_their_bytes_and_the_page_says_what_to_do(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, content: bytes, found: str
) -> None:
    said = text_of(attach(admin_of(rita), asked, content)).partition("Conversation")[2]
    assert found in said
    assert not RequestAttachment.objects.exists()


def test_without_a_file_the_page_asks_for_one(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    answer = admin_of(rita).post(f"{QUEUE}{asked.pk}/attach/", {"file": "text"}, follow=True)
    assert "Choose a file first." in text_of(answer)


@pytest.mark.parametrize("size", [MAX_BYTES + 1, MAX_FORM_BYTES])
def test_a_file_over_the_limit_is_refused_however_large(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, size: int
) -> None:
    refused = attach(admin_of(rita), asked, PDF.ljust(size))
    assert "The file is larger than 10.0 MB." in text_of(refused)
    assert not RequestAttachment.objects.exists()


def test_a_form_that_is_too_large_is_not_read(rita: Member, asked: ChangeRequest, admin_of: Any) -> None:
    """Without its token against forgery it would be refused otherwise, once it had been parsed."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(rita.user, backend="django.contrib.auth.backends.ModelBackend")
    answer = browser.generic("POST", f"{QUEUE}{asked.pk}/attach/", CONTENT_LENGTH=MAX_FORM_BYTES + 1)
    assert (answer.status_code, answer["Location"]) == (302, f"{page_of(asked)}#conversation")
    nobody = Client().generic("POST", f"{QUEUE}{asked.pk}/attach/", CONTENT_LENGTH=MAX_FORM_BYTES + 1)
    assert not nobody.cookies


# ---- what else is typed


def test_what_is_typed_and_ticked_for_the_decision_is_still_there_once(
    admin_of: Callable[..., Client], rita: Member, contact: Contact, ask: Callable[..., ChangeRequest]
) -> None:
    asked = ask(contact, BOTH)
    browser = admin_of(rita)
    typed = {"comment": "No certificate", "shows_boxes": "yes", "approved": NOTES}
    for add in (comment, attach):
        html = add(browser, asked, **typed).content.decode()
        assert "No certificate" in html
        assert f'value="{NAME}" form="decision-form" autocomplete="off">' in html
        assert f'value="{NOTES}" form="decision-form" autocomplete="off" checked>' in html
    assert "No certificate" not in browser.get(page_of(asked)).content.decode()


def test_what_is_typed_for_one_request_is_not_shown_with_another(
    admin_of: Callable[..., Client], rita: Member, make_contact: Any, anna: Member, asked: ChangeRequest, ask: Any
) -> None:
    other = ask(make_contact(members=[anna]))
    browser = admin_of(rita)
    browser.post(f"{QUEUE}{asked.pk}/comment/", {"text": "", "comment": "Of the first"})
    assert "Of the first" not in browser.get(page_of(other)).content.decode()


def test_a_refused_decision_keeps_a_comment_that_was_not_added(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    refused = admin_of(rita).post(page_of(asked), {"decision": "reject", "text": "Not sent yet"})
    assert "Not sent yet" in refused.content.decode()
    assert not RequestComment.objects.exists()


def test_what_the_initiator_of_a_returned_request_types_is_still_there(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest
) -> None:
    decide(actor=member_actor(rita), change_request_id=asked.pk, verdict=Verdict.RETURN, comment="Where is the scan?")
    browser = admin_of(anna)
    assert 'form="returned-form"' in browser.get(page_of(asked)).content.decode()
    assert "It is below" in attach(browser, asked, comment="It is below").content.decode()
