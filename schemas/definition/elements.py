"""The typed elements of a definition, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_TEXT_LENGTH = 1_000_000
MAX_JSON_DEPTH = 64
MAX_ELEMENTS = 1_000
MAX_ELEMENT_DEPTH = 8
MAX_RULES = 100
MAX_LABEL_LENGTH = 200
MAX_DESCRIPTION_LENGTH = 2_000
MAX_PATTERN_LENGTH = 500

# The largest integer that all JSON parsers represent exactly (RFC 8259, section 6).
MAX_EXACT_INTEGER = 2**53 - 1

# Upper limits for the constraints of any field.
MAX_FIELD_LENGTH = 100_000
MAX_FIELD_ITEMS = 1_000

# Names that the API already uses on contacts and contact filters for properties outside the details.
RESERVED_ROOT_KEYS = frozenset(
    {
        "and",
        "contactGroups",
        "contactId",
        "contactType",
        "contactTypeId",
        "correlationId",
        "createDate",
        "details",
        "externalConnections",
        "externalId",
        "hasPendingChangeRequest",
        "hasPendingEmail",
        "hasPendingMobile",
        "id",
        "legalEntities",
        "members",
        "not",
        "or",
        "participants",
        "type",
        "uId",
        "uid",
        "updateDate",
        "username",
        "version",
    }
)


class FieldType(StrEnum):
    TEXT = "text"
    MULTILINE_TEXT = "multilineText"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATE_TIME = "dateTime"
    EMAIL = "email"
    MOBILE = "mobile"
    PHONE = "phone"
    URL = "url"
    LIST = "list"
    OBJECT = "object"


SECTION = "section"
GROUP = "group"

TEXT_TYPES = frozenset(
    {
        FieldType.TEXT,
        FieldType.MULTILINE_TEXT,
        FieldType.EMAIL,
        FieldType.MOBILE,
        FieldType.PHONE,
        FieldType.URL,
    }
)
NUMBER_TYPES = frozenset({FieldType.INTEGER, FieldType.DECIMAL})
PHONE_TYPES = frozenset({FieldType.MOBILE, FieldType.PHONE})
CHANNEL_TYPES = frozenset({FieldType.EMAIL, FieldType.MOBILE})

# JSON name -> attribute of FieldElement and Field.
FLAGS: Mapping[str, str] = {
    "isMandatory": "is_mandatory",
    "isDisabled": "is_disabled",
    "isReadOnly": "is_read_only",
    "isUpdatableByContact": "is_updatable_by_contact",
    "isApprovalRequired": "is_approval_required",
    "isExportable": "is_exportable",
    "isSearchable": "is_searchable",
    "isVerificationRequired": "is_verification_required",
    "isKeptOnAnonymization": "is_kept_on_anonymization",
}
LENGTH_CONSTRAINTS: Mapping[str, str] = {"minLength": "min_length", "maxLength": "max_length"}
ITEM_CONSTRAINTS: Mapping[str, str] = {"minItems": "min_items", "maxItems": "max_items"}
NUMBER_CONSTRAINTS: Mapping[str, str] = {"minimum": "minimum", "maximum": "maximum"}

# An array changes as one value, so these flags apply to the array as a whole and not to fields in its items.
FLAGS_OF_A_WHOLE_VALUE = frozenset(
    {
        "isDisabled",
        "isReadOnly",
        "isUpdatableByContact",
        "isApprovalRequired",
        "isVerificationRequired",
        "isKeptOnAnonymization",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    key: str
    labels: Mapping[str, str]
    descriptions: Mapping[str, str]
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Element):
    """An object in the document, shown with a heading on the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Element):
    """A box on the form. Its fields belong to the enclosing object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldElement(Element):
    type: FieldType
    is_array: bool = False
    is_mandatory: bool = False
    is_disabled: bool = False
    is_read_only: bool = False
    is_updatable_by_contact: bool = False
    is_approval_required: bool = False
    is_exportable: bool = False
    is_searchable: bool = False
    is_verification_required: bool = False
    is_kept_on_anonymization: bool = False
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    pattern: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    list_key: str | None = None
    hierarchy_field_key: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    elements: tuple[Element, ...]
    rules: tuple[Mapping[str, Any], ...] = ()

    @property
    def list_keys(self) -> frozenset[str]:
        """The keys of all lists that the fields use."""
        return frozenset(
            element.list_key
            for element in _descendants(self.elements)
            if isinstance(element, FieldElement) and element.list_key
        )


def data_elements(elements: tuple[Element, ...]) -> Iterator[Section | FieldElement]:
    """Yield the elements that exist in the document; groups are replaced by their children."""
    for element in elements:
        if isinstance(element, Group):
            yield from data_elements(element.elements)
        elif isinstance(element, Section | FieldElement):
            yield element


def _descendants(elements: tuple[Element, ...]) -> Iterator[Element]:
    for element in elements:
        yield element
        yield from _descendants(element.elements)
