"""Compiled schema versions: the interface through which the rest of the system uses a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils.translation import get_language

from schemas.definition import Definition
from schemas.definition.elements import SECTION, FieldType
from schemas.derivation import in_language
from schemas.engine import NOT_JSON_ERRORS, deciding_validator, explaining_validator
from schemas.explaining import MAX_FAULTS, as_properties, not_json_faults, schema_violations, unexplained
from schemas.fields import Field, LayoutElement, fields_of, layout_of
from schemas.listchecks import Fault, ListChecks
from schemas.lists import ListData
from schemas.unknown_fields import Names, without_unknown_fields

_INDEX = re.compile(r"\[[0-9]+\]")
_CHANNELS = {"Email": FieldType.EMAIL, "Mobile": FieldType.MOBILE}


class CompiledSchema:
    """A schema version compiled with its lists. Immutable and shared between requests.

    `schemas.queries` builds it once per version and list revisions.
    """

    def __init__(
        self,
        *,
        key: str,
        schema_id: int,
        version_id: int,
        version_number: int,
        definition: Definition,
        definition_json: Mapping[str, Any],
        json_schema: Mapping[str, Any],
        lists: Mapping[str, ListData],
    ) -> None:
        self.key = key
        self.schema_id = schema_id
        self.version_id = version_id
        self.version_number = version_number
        self.definition = definition
        self.definition_json = definition_json
        self.json_schema = json_schema
        self.lists = {list_key: lists[list_key] for list_key in self.definition.list_keys if list_key in lists}
        self.fields: Mapping[str, Field] = fields_of(self.definition)
        self.layout: tuple[LayoutElement, ...] = layout_of(self.definition)
        self._decides = deciding_validator(json_schema)
        self._list_checks = ListChecks(self.definition, self.lists)
        self._names = Names.of(self.definition.elements)
        self._json_schema_texts: dict[str, str] = {}

    @property
    def concurrency_token(self) -> int:
        """The token that a PUT must send to prove that it has read this version."""
        return self.version_id

    def field_at(self, path: str) -> Field | None:
        """Return the field at a path, else the nearest array or object field above it, else None."""
        path = _INDEX.sub("", path)
        while path:
            if path in self.fields:
                return self.fields[path]
            path = path.rpartition(".")[0]
        return None

    def label_at(self, path: str, language: str | None = None) -> str:
        """Return the label of `field_at(path)`, in `language` or the active one; the path if there is no field."""
        field = self.field_at(path)
        return field.label(language) if field else path

    def layout_paths_below(self, path: str) -> frozenset[str]:
        """Return the paths of a layout element and its descendants; empty for an unknown element."""
        found: set[str] = set()
        for element in self.layout:
            # The layout lists parents before their children.
            if element.path == path or element.parent_path in found:
                found.add(element.path)
        return frozenset(found)

    def validate(self, document: Any, *, stored: Any = None) -> dict[str, list[str]]:
        """Return all faults of a document by path, such as `contactInformation.addresses[0].country`; {} if valid.

        If the document replaces a `stored` one, values that the schema no longer defines are accepted while they are
        unchanged. This includes values in the items of an unchanged array, but not of a changed one. Messages are in
        the active language. Faults of the document as a whole are under "". Accepts any value; mutates no argument.
        """
        faults = self._faults(document, stored)
        return as_properties(faults) if faults else {}

    def faults_of_stored(self, details: Any) -> dict[str, list[str]]:
        """Validate stored details that are not being changed."""
        return self.validate(details, stored=details)

    def rules_broken_by_stored(self, details: Any) -> set[tuple[str, str]]:
        """Return the faults of stored details as (path without indexes, message without value), for counting."""
        return {(_INDEX.sub("", path), rule or message) for path, message, rule in self._faults(details, details)}

    def _faults(self, document: Any, stored: Any) -> list[Fault]:
        """Return all faults."""
        follows_schema, list_faults = self._verdict(document)
        # A valid document has no unknown fields to remove.
        if not follows_schema and (named := without_unknown_fields(self._names, document, stored)) is not document:
            document = named
            follows_schema, list_faults = self._verdict(document)
        if follows_schema and not list_faults:
            return []
        faults = not_json_faults(document)
        if not faults:
            faults = list(schema_violations(self._explains, document, section_paths=self._section_paths))
        else:
            list_faults = []
        if not faults and not list_faults:
            faults = [unexplained()]
        return [*faults, *list_faults]

    def _verdict(self, document: Any) -> tuple[bool, list[Fault]]:
        """Return whether the document conforms to the JSON Schema, and the faults of its list fields."""
        try:
            follows_schema = self._decides.is_valid(document)
        except NOT_JSON_ERRORS:
            follows_schema = False
        return follows_schema, self._list_checks.faults(document, limit=MAX_FAULTS)

    @cached_property
    def channel_paths(self) -> Mapping[str, str | None]:
        """Channel -> path of the contact's email and mobile: the verified field, else the first outside arrays."""
        return {channel: self._channel_path(kind) for channel, kind in _CHANNELS.items()}

    @cached_property
    def verified_paths(self) -> Mapping[str, str]:
        """Path -> channel of the fields whose new values require verification."""
        return {
            path: channel
            for channel, path in self.channel_paths.items()
            if path is not None and self.fields[path].is_verification_required
        }

    @cached_property
    def object_paths(self) -> frozenset[str]:
        """The paths of objects outside arrays: sections and single object fields."""
        objects = (field for field in self.fields.values() if field.type is FieldType.OBJECT)
        return self._section_paths | {field.path for field in objects if not field.is_array and not field.is_in_array}

    @cached_property
    def definition_text(self) -> str:
        return json.dumps(self.definition_json, ensure_ascii=False, indent=2)

    @property
    def json_schema_text(self) -> str:
        """The JSON Schema with its titles in the active language."""
        language = get_language() or settings.LANGUAGE_CODE
        if language not in self._json_schema_texts:
            localized = in_language(self.json_schema, self.definition, language)
            self._json_schema_texts[language] = json.dumps(localized, ensure_ascii=False, indent=2)
        return self._json_schema_texts[language]

    @cached_property
    def _explains(self) -> Any:
        return explaining_validator(self.json_schema)

    @cached_property
    def _section_paths(self) -> frozenset[str]:
        return frozenset(element.path for element in self.layout if element.type == SECTION)

    def _channel_path(self, kind: FieldType) -> str | None:
        candidates = [
            field
            for field in self.fields.values()
            if field.type is kind and not field.is_array and not field.is_in_array
        ]
        verified = [field for field in candidates if field.is_verification_required]
        return next((field.path for field in [*verified, *candidates]), None)
