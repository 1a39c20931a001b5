"""Validates and re-encodes uploaded pictures, and draws the default picture."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from PIL import ExifTags, Image, ImageDraw, ImageFont

from core.errors import UnprocessableEntity
from core.file_types import file_type_name

FORMATS = ("JPEG", "PNG", "WEBP")
FORMAT_NAMES = ("JPEG", "PNG", "WebP")
MAX_BYTES = 5 * 1024 * 1024
MAX_MEGAPIXELS = 40
MAX_PIXELS = MAX_MEGAPIXELS * 1_000_000
SIDE = 512
DEFAULT_SIDE = 256
# What to do about each orientation that EXIF knows; 1 is upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Dark enough for white letters: a contrast ratio of at least 4.5.
COLOURS = ("#1d4ed8", "#0f766e", "#7e22ce", "#b91c1c", "#a16207", "#15803d", "#be185d", "#334155", "#0369a1", "#9a3412")


@dataclass(frozen=True)
class EncodedPicture:
    content: bytes
    extension: str


def encode_picture(content: bytes) -> EncodedPicture:
    """Re-encode a picture: upright, within 512 by 512 pixels, without metadata; PNG if transparent, otherwise JPEG.

    The content determines the format. Raises UnprocessableEntity: `PictureTooLarge` above 5 MiB or 40 megapixels, which
    is read from the header before decoding; `PictureInvalid` for anything but a complete JPEG, PNG or WebP.
    """
    if len(content) > MAX_BYTES:
        message = _("The picture is larger than %(limit)s.") % {"limit": filesizeformat(MAX_BYTES)}
        raise UnprocessableEntity(message, sub_code="PictureTooLarge")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            picture.draft("RGB", (SIDE * 2, SIDE * 2))  # decodes a JPEG at reduced size
            picture.load()  # reads what follows the pixels, too: EXIF may
            turn = TURNS.get(_orientation(picture))
            picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            is_transparent = "A" in picture.getbands() or "transparency" in picture.info
            pixels = _in_eight_bits(picture).convert("RGBA" if is_transparent else "RGB")
    except Image.DecompressionBombError as error:
        message = _("The picture has more than %(limit)s megapixels.") % {"limit": MAX_MEGAPIXELS}
        raise UnprocessableEntity(message, sub_code="PictureTooLarge") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnprocessableEntity(_why_invalid(content), sub_code="PictureInvalid") from error
    if turn is not None:
        pixels = pixels.transpose(turn)
    pixels.info.clear()
    stored = BytesIO()
    if is_transparent:
        pixels.save(stored, "PNG", optimize=True)
        return EncodedPicture(stored.getvalue(), "png")
    pixels.save(stored, "JPEG", quality=85, optimize=True)
    return EncodedPicture(stored.getvalue(), "jpg")


def _orientation(picture: Image.Image) -> Any:
    """Return what EXIF says about the orientation; None if nothing readable.

    ImageOps.exif_transpose fails when another tag is broken, because it writes all of them again. Browsers show such a
    picture, upright if this tag is sound. Pillow decodes EXIF in too many ways to name what broken ones raise.
    """
    try:
        return picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:
        return None


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    """Scale grey of 16 bits to 8. `convert` cuts it off instead, so that nearly all of it is white."""
    if picture.mode.startswith("I"):
        return picture.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    return picture


def _why_invalid(content: bytes) -> str:
    found = file_type_name(content)
    if found is None or found in FORMAT_NAMES:
        return _("This is not a whole JPEG, PNG or WebP picture.")
    return _("%(format)s is not supported; send JPEG, PNG or WebP.") % {"format": found}


def initials(name: str) -> str:
    """Return the initials of the first and last word: `Johanna Louise Spyri` gives `JS`. No word gives `?`."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0].upper() for word in dict.fromkeys((words[0], words[-1]))) if words else "?"


@lru_cache(maxsize=512)
def default_picture(letters: str, seed: str) -> bytes:
    """Return a PNG of the letters on a colour derived from `seed`."""
    colour = COLOURS[sha256(seed.encode()).digest()[0] % len(COLOURS)]
    picture = Image.new("RGB", (DEFAULT_SIDE, DEFAULT_SIDE), colour)
    centre = DEFAULT_SIDE / 2
    font = ImageFont.load_default(size=DEFAULT_SIDE * 0.42)
    ImageDraw.Draw(picture).text((centre, centre), letters, fill="white", font=font, anchor="mm")
    drawn = BytesIO()
    picture.save(drawn, "PNG", optimize=True)
    return drawn.getvalue()
