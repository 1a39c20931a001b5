"""Strict serializers and fields: no unknown properties, no type coercion (`"yes"` is not a boolean, `"1"` no number).

Query parameters are always text: pass `context={"from_query": True}` to convert them.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.fields import empty

from core.text import normalized

INT32_MAX = 2**31 - 1


def _reads_text(field: serializers.Field) -> bool:
    return bool(field.context.get("from_query"))


class StrictIntegerField(serializers.IntegerField):
    """An integer, int32 by default. Accepts whole JSON numbers only, neither text nor booleans.

    `3.0` is whole, as JSON Schema has it: some languages write numbers so.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", -INT32_MAX - 1)
        kwargs.setdefault("max_value", INT32_MAX)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if not _reads_text(self):
            if isinstance(data, float) and data.is_integer():
                data = int(data)
            if isinstance(data, bool) or not isinstance(data, int):
                self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if _reads_text(self) and data in ("true", "false"):
            return data == "true"
        if _reads_text(self) or not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictCharField(serializers.CharField):
    """Text, unchanged: numbers are rejected and whitespace is not trimmed by default."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class LineField(StrictCharField):
    """A name, an id or a search term: in its one form, before it counts as blank or too long."""

    def run_validation(self, data: Any = empty) -> Any:
        return super().run_validation(normalized(data) if isinstance(data, str) else data)


class StrictUUIDField(serializers.UUIDField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class StrictDateTimeField(serializers.DateTimeField):
    """A timestamp with a UTC offset; without one it is read as UTC."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str):
            self.fail("invalid", format="date-time")
        try:
            return super().to_internal_value(value)
        except OverflowError:
            self.fail("invalid", format="date-time")


class MomentField(StrictDateTimeField):
    """A timestamp that says its UTC offset."""

    _HAS_OFFSET = re.compile(r".*T.*(Z|[+-]\d\d:?\d\d)", re.IGNORECASE)

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str) or self._HAS_OFFSET.fullmatch(value) is None:
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ss±hh:mm")
        return super().to_internal_value(value)


class ObjectField(serializers.DictField):
    """A JSON object with arbitrary content."""

    default_error_messages = {"not_a_dict": _("Expected an object.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class ValueField(serializers.CharField):
    """A value of a document: text as it is, anything else as JSON text, null for no value."""

    def to_representation(self, value: Any) -> str:
        return value if isinstance(value, str) else orjson.dumps(value).decode()


class StrictSerializer(serializers.Serializer):
    """Reject unknown properties, reporting each by name. Names in `context["also_known"]` are ignored."""

    default_error_messages = {"unknown": _("There is no such property.")}

    def run_validation(self, data: Any = empty) -> Any:
        unknown = (
            {name for name in data if name not in self.fields} - self.context.get("also_known", frozenset())
            if isinstance(data, Mapping)
            else set()
        )
        if not unknown:
            return super().run_validation(data)
        faults: dict[str, Any] = {name: [self.error_messages["unknown"]] for name in sorted(map(str, unknown))}
        try:
            super().run_validation(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                faults = {**error.detail, **faults}
        raise serializers.ValidationError(faults)


def optional(field: type[serializers.Field], **kwargs: Any) -> Any:
    """Return a field that may be absent or null; both read as None."""
    return field(required=False, allow_null=True, default=None, **kwargs)


def optional_list(child: serializers.Field, **kwargs: Any) -> Any:
    """Return a list field that may be absent or null; both read as None."""
    return optional(serializers.ListField, child=child, **kwargs)


class CriterionField(serializers.ListField):
    """An array of criteria; an empty one is no criterion."""

    def run_validation(self, data: Any = empty) -> Any:
        # After the validators, which count what is there.
        return super().run_validation(data) or None


def criterion(child: serializers.Field, **kwargs: Any) -> Any:
    """Return a list field of a search; absent, null and empty read as None."""
    return optional(CriterionField, child=child, **kwargs)


ERROR_CODES = (
    "BadRequest",
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "UnprocessableEntity",
    "PreconditionFailed",
    "TooManyRequests",
    "General",
)


class ApiErrorSerializer(serializers.Serializer):
    """The body of every error response."""

    code = serializers.ChoiceField(choices=ERROR_CODES)
    subCode = serializers.CharField(help_text="`NA` unless the operation names one.")
    message = serializers.CharField(help_text="For people, in the language of the request.")
    correlationId = serializers.CharField()
    properties = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        allow_null=True,
        help_text="Places in the input and what is wrong with each.",
    )
