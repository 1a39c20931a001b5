"""Profile pictures: the type is detected from the bytes, and the stored image is re-encoded."""

import struct
import zlib
from base64 import b64decode, b64encode
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from PIL import Image, ImageOps

from contacts.models import ProfilePicture
from core.models import PendingFileDeletion

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files_of_this_test(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }


@pytest.fixture
def contact(make_contact):
    return make_contact()


@pytest.fixture
def client(contact, api_of):
    return api_of(contact)


def path_of(contact):
    return f"/v1.0/contacts/{contact.pk}/profile-picture"


def picture(form="PNG", size=(800, 400), mode="RGB", colour="red", **options):
    content = BytesIO()
    Image.new(mode, size, colour).save(content, form, **options)
    return content.getvalue()


def put(api, contact, content, head=""):
    return api.put(path_of(contact), {"imageContentBase64": head + b64encode(content).decode()})


def stored(api, contact):
    answer = api.get(path_of(contact))
    assert answer.status == 200
    return answer.json["isDefaultImage"], Image.open(BytesIO(b64decode(answer.json["imageContentBase64"])))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width, height):
    """A PNG of a few bytes whose header claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_the_picture_of_an_invisible_contact_is_not_found(contact, make_contact, api_of):
    stranger = api_of(make_contact())
    assert stranger.get(path_of(contact)).status == 404
    assert put(stranger, contact, picture()).status == 404
    assert stranger.delete(path_of(contact)).status == 404


def test_a_contact_without_one_has_its_initials_on_a_colour_of_its_own(contact, client, make_contact, app):
    is_default, shown = stored(client, contact)
    assert (is_default, shown.format, shown.size) == (True, "PNG", (256, 256))
    assert app.get(path_of(contact)).json == app.get(path_of(contact)).json
    pictures = {app.get(path_of(make_contact())).json["imageContentBase64"] for _ in range(8)}
    assert len(pictures) > 1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("head", ["", "data:image/png;base64,", "data:image/svg+xml;charset=utf-8;base64,"])
def test_jpeg_png_and_webp_are_taken_whatever_they_are_called(contact, client, form, head):
    assert put(client, contact, picture(form), head).status == 204
    is_default, shown = stored(client, contact)
    assert (is_default, shown.format, shown.size) == (False, "JPEG", (512, 256))


def test_transparency_stays(contact, client):
    assert put(client, contact, picture(mode="RGBA", colour=(255, 0, 0, 0))).status == 204
    _, shown = stored(client, contact)
    assert (shown.format, shown.getpixel((5, 5))[3]) == ("PNG", 0)


def test_metadata_goes_and_the_picture_stands_upright(contact, client):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x8298] = "Copyright Johanna Spyri"
    content = picture("JPEG", size=(80, 40), exif=exif)
    assert b"Johanna" in content
    assert put(client, contact, content).status == 204
    _, shown = stored(client, contact)
    assert (shown.size, dict(shown.getexif())) == ((40, 80), {})
    with default_storage.open(ProfilePicture.objects.get().file.name) as file:
        assert b"Johanna" not in file.read()


def exif_of(*entries):
    """EXIF with these entries: tag, type, count and four bytes of value each."""
    written = b"".join(struct.pack(">HHI4s", *entry) for entry in entries)
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + written + b"\0\0\0\0"


TURNED = (0x0112, 3, 1, b"\0\x06\0\0")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("exif", "size"),
    [
        pytest.param(exif_of(TURNED, (0x011A, 7, 4, b"abcd")), (40, 80), id="resolution that is no number"),
        pytest.param(exif_of(TURNED, (0x8769, 7, 4, b"abcd")), (40, 80), id="directory that is none"),
        pytest.param(exif_of((0x0112, 3, 1, b"\0\x09\0\0")), (80, 40), id="orientation that is none"),
        pytest.param(exif_of((0x0112, 2, 2, b"6\0\0\0")), (80, 40), id="orientation that is a text"),
        pytest.param(b"Exif\0\0no directory at all", (80, 40), id="nothing that can be read"),
    ],
)
def test_a_picture_with_broken_metadata_is_stored_as_browsers_show_it(contact, client, form, exif, size):
    assert put(client, contact, picture(form, size=(80, 40), exif=exif)).status == 204
    assert stored(client, contact)[1].size == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_stored_upright(contact, client, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = BytesIO()
    corner = Image.new("RGB", (90, 60), "white")
    corner.paste("black", (0, 0, 30, 20))
    corner.save(content, "PNG", exif=exif)
    assert put(client, contact, content.getvalue()).status == 204
    expected = ImageOps.exif_transpose(Image.open(content)).convert("L")
    shown = stored(client, contact)[1].convert("L")
    places = [(x, y) for x in (8, shown.width - 8) for y in (8, shown.height - 8)]
    assert shown.size == expected.size
    assert [shown.getpixel(at) > 128 for at in places] == [expected.getpixel(at) > 128 for at in places]


@pytest.mark.parametrize("size", [(80, 40), (1600, 800)])
def test_grey_of_sixteen_bits_stays_as_dark_as_it_is(contact, client, size):
    content = BytesIO()
    grey = Image.new("I;16", size, 30_000)
    grey.paste(65_535, (0, 0, size[0] // 2, size[1]))
    grey.save(content, "PNG")
    assert put(client, contact, content.getvalue()).status == 204
    shown = stored(client, contact)[1].convert("L")
    bright, dark = shown.getpixel((5, 5)), shown.getpixel((shown.width - 5, 5))
    assert (bright >= 253, abs(dark - 117) <= 2) == (True, True)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (picture("GIF"), "GIF"),
        (picture("TIFF"), "TIFF"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_a_format_that_is_not_supported_is_named(contact, client, content, name):
    answer = put(client, contact, content)
    assert answer.json["message"] == f"{name} is not supported; send JPEG, PNG or WebP."


def test_limits_are_in_units_that_people_know(contact, client):
    assert "5.0\xa0MB" in put(client, contact, b"\xff" * (5 * 1024 * 1024 + 1)).json["message"]
    assert "40 megapixels" in put(client, contact, png_claiming(8_000, 8_000)).json["message"]


@pytest.mark.parametrize(
    ("content", "sub_code"),
    [
        (b"GIF89a" + b"\0" * 100, "PictureInvalid"),
        (picture("GIF"), "PictureInvalid"),
        (picture("BMP"), "PictureInvalid"),
        (picture("TIFF"), "PictureInvalid"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "PictureInvalid"),
        (b"%PDF-1.7", "PictureInvalid"),
        (picture("PNG")[:200], "PictureInvalid"),
        (picture("JPEG")[:500], "PictureInvalid"),
        (picture("WEBP")[:60], "PictureInvalid"),
        (png_claiming(10, 10), "PictureInvalid"),
        (png_claiming(50_000, 50_000), "PictureTooLarge"),
        (png_claiming(2**31 - 1, 2**31 - 1), "PictureTooLarge"),
        (png_claiming(8_000, 8_000), "PictureTooLarge"),
        (b"\xff" * (5 * 1024 * 1024 + 1), "PictureTooLarge"),
    ],
)
def test_anything_else_is_refused_and_the_picture_before_it_stays(contact, client, content, sub_code):
    put(client, contact, picture(colour="blue"))
    answer = put(client, contact, content)
    assert (answer.status, answer.sub_code) == (422, sub_code)
    assert stored(client, contact)[1].getpixel((5, 5))[2] > 200


@pytest.mark.parametrize("text", ["", "not base64!", "abc", "data:image/png;base64,%%%", "ü"])
def test_what_is_not_base64_is_named(contact, client, text):
    answer = client.put(path_of(contact), {"imageContentBase64": text})
    assert (answer.status, answer.places) == (400, {"imageContentBase64"})


def test_a_body_of_twenty_megabytes_is_refused(contact, client):
    answer = put(client, contact, b"\xff" * 20_000_000)
    assert (answer.status, answer.json["code"]) == (413, "BadRequest")


@pytest.mark.parametrize("body", [{}, {"imageContentBase64": None}])
def test_a_put_without_a_picture_is_refused_and_deletes_nothing(contact, client, body):
    put(client, contact, picture())
    answer = client.put(path_of(contact), body)
    assert (answer.status, answer.sub_code, answer.places) == (422, "ValidationFailed", {"imageContentBase64"})
    assert stored(client, contact)[0] is False


def test_a_removed_picture_is_gone_from_the_storage(contact, client, tmp_path, django_capture_on_commit_callbacks):
    put(client, contact, picture())
    assert len(list(tmp_path.rglob("*.jpg"))) == 1
    with django_capture_on_commit_callbacks(execute=True):
        removed = client.delete(path_of(contact))
    assert removed.status == 204
    assert stored(client, contact)[0] is True
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
    assert not PendingFileDeletion.objects.exists()


def test_a_replaced_picture_is_gone_from_the_storage(contact, client, tmp_path, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        put(client, contact, picture(colour="blue"))
        put(client, contact, picture(colour="red"))
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 1


def test_removing_a_picture_that_is_not_there_changes_nothing(contact, client):
    assert client.delete(path_of(contact)).status == 204
