"""Comments on requests and files attached to them."""

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from accounts.actor import system_actor
from changerequests.attachments import MAX_BYTES, MAX_FORM_BYTES
from changerequests.models import RequestAttachment, RequestComment
from contacts.services.anonymization import anonymize_contacts
from core.models import PendingFileDeletion
from tests.changerequests.requesting import PDF, address, attach, renaming

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
FILES = {
    "application/pdf": PDF,
    "image/jpeg": b"\xff\xd8\xff\xe0 rest",
    "image/png": b"\x89PNG\r\n\x1a\n rest",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBP rest",
}


@pytest.fixture
def asked(contact, anna):
    return renaming(contact, by=anna)


@pytest.fixture
def comment(asked, rita, api_of):
    answer = api_of(rita).post(address(asked, "/comments"), {"text": "Spyri's passport?"})
    assert answer.status == 201, answer.json
    return answer.json


def stored(folder) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file()]


class TestComments:
    def test_applications_and_contacts_do_not_comment(self, asked, contact, app, api_of):
        for api in (app, api_of(contact)):
            assert api.post(address(asked, "/comments"), {"text": "x"}).status == 403
        assert api_of(contact).get(address(asked, "/comments")).status == 403

    def test_a_request_that_is_not_visible_is_not_found(self, asked, make_member, api_of):
        api = api_of(make_member(reviews=True))
        assert api.post(address(asked, "/comments"), {"text": "x"}).status == 404
        assert api.get(address(asked, "/comments")).status == 404

    def test_members_who_see_the_request_comment_and_applications_read_it(
        self, asked, comment, rita, anna, app, api_of
    ):
        answer = api_of(anna).post(address(asked, "/comments"), {"text": "The new one."})
        assert answer.status == 201
        assert comment == {
            "id": comment["id"],
            "author": {"uId": str(rita.uid), "name": "Rita Tester"},
            "text": "Spyri's passport?",
            "createDate": comment["createDate"],
        }
        assert app.get(address(asked, "/comments")).json == {"comments": [comment, answer.json]}

    def test_text_has_one_form(self, asked, anna, api_of):
        answer = api_of(anna).post(address(asked, "/comments"), {"text": "  Zu\u0308rich,\nsecond line \n"})
        assert answer.json["text"] == "Z\u00fcrich,\nsecond line"

    @pytest.mark.parametrize(
        ("text", "status"),
        [("", 400), ("x" * 2001, 400), (None, 400), (7, 400), (" \n ", 422), ("\u200b\u2060", 422)],
    )
    def test_what_is_no_text_is_refused(self, asked, anna, api_of, text, status):
        answer = api_of(anna).post(address(asked, "/comments"), {"text": text})
        assert (answer.status, answer.places) == (status, {"text"})

    def test_a_closed_request_takes_no_more(self, asked, anna, api_of):
        api_of(anna).post(address(asked, "/cancel"))
        answer = api_of(anna).post(address(asked, "/comments"), {"text": "x"})
        assert (answer.status, answer.sub_code) == (422, "ChangeRequestNotPending")
        assert attach(api_of(anna), asked).sub_code == "ChangeRequestNotPending"

    def test_the_list_takes_the_same_statements_whatever_its_length(self, asked, comment, rita, api_of, count_queries):
        api = api_of(rita)
        counted = []
        for _round in range(2):
            with count_queries() as queries:
                assert api.get(address(asked, "/comments")).status == 200
            counted.append(len(queries))
            for number in range(5):
                api.post(address(asked, "/comments"), {"text": f"{number}"})
        assert counted[0] == counted[1]

    def test_nothing_edits_or_deletes_them(self, asked, comment):
        comments = RequestComment.objects.all()
        for change in (lambda: comments.update(text="edited"), lambda: comments.update(text=""), comments.delete):
            with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
                change()


class TestAttachments:
    def test_applications_and_contacts_do_not_attach(self, asked, contact, app, api_of):
        for api in (app, api_of(contact)):
            assert attach(api, asked).status == 403

    def test_a_member_who_neither_asked_nor_reviews_does_not(self, asked, make_member, api_of):
        answer = attach(api_of(make_member(sees_all_contacts=True)), asked)
        assert (answer.status, answer.sub_code) == (403, "NotAReviewer")

    def test_a_request_that_is_not_visible_is_not_found_and_nothing_is_stored(self, asked, make_member, api_of, folder):
        api = api_of(make_member(reviews=True))
        assert attach(api, asked).status == 404
        assert api.get(address(asked, "/attachments")).status == 404
        assert (stored(folder), PendingFileDeletion.objects.count()) == ([], 0)

    def test_the_initiator_and_reviewers_do_and_applications_read_the_list(
        self, asked, anna, rita, app, api_of, folder
    ):
        first, second = attach(api_of(anna), asked), attach(api_of(rita), asked)
        assert (first.status, second.status) == (201, 201)
        assert first.json == {
            "id": first.json["id"],
            "name": "passport.pdf",
            "mediaType": "application/pdf",
            "size": len(PDF),
            "author": {"uId": str(anna.uid), "name": "Anna Tester"},
            "createDate": first.json["createDate"],
        }
        assert app.get(address(asked, "/attachments")).json == {"attachments": [first.json, second.json]}
        assert len(stored(folder)) == 2
        assert not PendingFileDeletion.objects.exists()

    @pytest.mark.parametrize("media_type", FILES)
    def test_the_bytes_say_what_it_is_whatever_the_name(self, asked, anna, api_of, media_type):
        answer = attach(api_of(anna), asked, FILES[media_type], name="page.html")
        assert (answer.status, answer.json["mediaType"], answer.json["name"]) == (201, media_type, "page.html")
        stored_name = str(RequestAttachment.objects.get().file.name)
        assert stored_name.startswith("attachments/")
        assert not stored_name.endswith(".html")
        with default_storage.open(stored_name) as file:
            assert file.read() == FILES[media_type]

    @pytest.mark.parametrize("content", [b"", b"<html>", b"GIF89a", b"PK\x03\x04", b" %PDF-1.7", b"RIFF1234WAVE"])
    def test_other_files_are_refused_and_not_stored(self, asked, anna, api_of, folder, content):
        answer = attach(api_of(anna), asked, content)
        assert (answer.status, answer.sub_code) == (422, "AttachmentInvalid")
        assert (stored(folder), PendingFileDeletion.objects.count()) == ([], 0)

    def test_a_format_that_is_not_supported_is_named(self, asked, anna, api_of):
        answer = attach(api_of(anna), asked, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        assert answer.json["message"] == "HEIC is not supported; send PDF, JPEG, PNG or WebP."

    def test_a_file_over_the_limit_is_refused(self, asked, anna, api_of, folder):
        assert attach(api_of(anna), asked, PDF.ljust(MAX_BYTES)).status == 201
        answer = attach(api_of(anna), asked, PDF.ljust(MAX_BYTES + 1))
        assert (answer.status, answer.sub_code) == (422, "AttachmentTooLarge")
        assert attach(api_of(anna), asked, PDF.ljust(MAX_FORM_BYTES)).status == 413
        assert len(stored(folder)) == 1

    def test_anything_but_one_file_is_refused(self, asked, anna, api_of):
        assert attach(api_of(anna), asked, part="other").places == {"other"}
        assert api_of(anna).post(address(asked, "/attachments"), {"file": "text"}).status == 415
        form = b'--X\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--X--\r\n'
        answer = api_of(anna).post(
            address(asked, "/attachments"), raw=form, content_type="multipart/form-data; boundary=X"
        )
        assert (answer.status, answer.places) == (400, {"file"})

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("..\\..\\secret.pdf", "secret.pdf"),
            ("pass\u202efdp.exe.pdf", "passfdp.exe.pdf"),
            (" Zu\u0308rich  1.pdf ", "Z\u00fcrich 1.pdf"),
            (" ", "attachment.pdf"),
            (f"{'x' * 240}.pdf", f"{'x' * 196}.pdf"),
        ],
    )
    def test_names_are_shown_in_one_visible_line(self, asked, anna, api_of, name, shown):
        assert attach(api_of(anna), asked, name=name).json["name"] == shown

    def test_nothing_edits_or_deletes_them(self, asked, anna, api_of):
        attach(api_of(anna), asked)
        rows = RequestAttachment.objects.all()
        for change in (lambda: rows.update(name="x"), lambda: rows.update(file="", name=""), rows.delete):
            with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
                change()


class TestReviewPage:
    def page(self, client, request, part="change"):
        return client.get(f"/admin/changerequests/changerequest/{request.pk}/{part}/")

    def test_a_file_of_a_request_that_is_not_visible_is_not_found(self, asked, make_member, rita, api_of, admin_of):
        part = f"attachments/{attach(api_of(rita), asked).json['id']}"
        assert self.page(admin_of(make_member(reviews=True)), asked, part).status_code == 404
        colleague = make_member(sees_all_contacts=True)
        assert self.page(admin_of(colleague), asked, part).status_code == 403

    def test_it_shows_comments_and_files_and_downloads_these(self, asked, comment, rita, api_of, admin_of):
        part = f"attachments/{attach(api_of(rita), asked, name='Pass <1>.pdf').json['id']}"
        html = self.page(admin_of(rita), asked).content.decode()
        assert "Spyri&#x27;s passport?" in html
        assert "Pass &lt;1&gt;.pdf" in html
        assert part in html
        file = self.page(admin_of(rita), asked, part)
        assert (file.status_code, file.content, file["Content-Type"]) == (200, PDF, "application/pdf")
        assert file["Content-Disposition"].startswith("attachment")
        assert file["X-Content-Type-Options"] == "nosniff"

    def test_a_file_under_another_requests_address_is_not_found(
        self, asked, make_contact, anna, rita, api_of, admin_of
    ):
        part = f"attachments/{attach(api_of(rita), asked).json['id']}"
        assert self.page(admin_of(rita), renaming(make_contact(), by=anna), part).status_code == 404


class TestErasure:
    def test_texts_names_and_files_go_with_the_person_and_only_with_that_person(
        self, asked, comment, make_contact, anna, rita, api_of, folder, django_capture_on_commit_callbacks
    ):
        other = renaming(make_contact(), by=anna)
        for request in (asked, other):
            attach(api_of(rita), request)
        api_of(rita).post(address(other, "/comments"), {"text": "Stays"})
        with django_capture_on_commit_callbacks(execute=True):
            anonymize_contacts(actor=system_actor("tests"), contact_ids=[asked.subject_id])
        api = api_of(rita)
        assert [said["text"] for said in api.get(address(asked, "/comments")).json["comments"]] == [""]
        [erased] = api.get(address(asked, "/attachments")).json["attachments"]
        assert (erased["name"], erased["mediaType"]) == ("", "application/pdf")
        assert [said["text"] for said in api.get(address(other, "/comments")).json["comments"]] == ["Stays"]
        [kept] = RequestAttachment.objects.exclude(file="")
        assert stored(folder) == [str(kept.file.name).rpartition("/")[2]]
        assert kept.request == other

    def test_texts_go_with_one_person_of_many(self, make_contact, anna, rita, api_of):
        request = renaming(make_contact(), make_contact(), by=anna)
        api_of(rita).post(address(request, "/comments"), {"text": "Both names?"})
        anonymize_contacts(actor=system_actor("tests"), contact_ids=[request.subjects.first().subject_id])
        assert RequestComment.objects.get().text == ""
