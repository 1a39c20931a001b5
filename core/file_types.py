"""Names of common file types, for messages about files that are not accepted."""

from collections.abc import Sequence

_BY_FIRST_BYTES: Sequence[tuple[bytes, str]] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF-", "PDF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\1\0", "ICO"),
    (b"PK\x03\x04", "ZIP"),
)
# Brands that containers of the ISO base media file format name. Phones write HEIC; AVIF names its brands too.
_BY_BRAND: Sequence[tuple[bytes, str]] = (
    (b"avif", "AVIF"),
    (b"avis", "AVIF"),
    (b"hei", "HEIC"),
    (b"hev", "HEIC"),
    (b"mif1", "HEIC"),
)


def file_type_name(content: bytes) -> str | None:
    """Return what files like this are called, by their first bytes; None if unknown. The rest may be broken."""
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WebP"
    if content[4:8] == b"ftyp":
        brands = content[8:40]
        return next((name for brand, name in _BY_BRAND if brand in brands), None)
    return next((name for start, name in _BY_FIRST_BYTES if content.startswith(start)), None)
