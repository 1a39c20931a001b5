"""Serializers of schemas and lists."""

from rest_framework import serializers

from core.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
    criterion,
    optional,
)
from schemas.definition.elements import MAX_EXACT_INTEGER, MAX_TEXT_LENGTH
from schemas.queries import DEFAULT_LIMIT, MAX_LIMIT

MAX_KEYS = 1_000
MAX_PATH_LENGTH = 600
MAX_TERM_LENGTH = 200


class PublishedSchemaSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="schema_id")
    key = serializers.CharField()
    schema = serializers.CharField(source="definition_text", help_text="The definition, a JSON text.")
    jsonSchema = serializers.CharField(
        source="json_schema_text", help_text="The JSON Schema (draft 2020-12) derived from it, a JSON text."
    )
    concurrencyToken = serializers.IntegerField(source="concurrency_token", help_text="To be named in a PUT.")


class PutSchemaSerializer(StrictSerializer):
    schema = optional(StrictCharField, max_length=MAX_TEXT_LENGTH, help_text="The definition, a JSON text; mandatory.")
    jsonSchema = optional(
        StrictCharField,
        max_length=MAX_TEXT_LENGTH,
        help_text="Checked to be a JSON Schema; the one derived from the definition is what counts.",
    )
    concurrencyToken = StrictIntegerField(
        min_value=0, max_value=MAX_EXACT_INTEGER, help_text="The token of the schema that was read."
    )


class ConcurrencyTokenSerializer(serializers.Serializer):
    concurrencyToken = serializers.IntegerField(source="concurrency_token")


class JsonSchemaSerializer(serializers.Serializer):
    jsonSchema = serializers.CharField(source="json_schema_text", help_text="A JSON Schema, draft 2020-12.")


class LayoutElementSerializer(serializers.Serializer):
    key = serializers.CharField(source="path", help_text="The element's dotted path; empty for the document itself.")
    parentKey = serializers.CharField(
        source="parent_path", allow_null=True, help_text="The element that it stands in; null at the root."
    )
    type = serializers.CharField(help_text="`section`, `group` or `object`.")
    label = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    order = serializers.IntegerField(help_text="Its place among all that its parent holds, fields too; from 1.")


class LayoutSerializer(serializers.Serializer):
    fields = LayoutElementSerializer(many=True)


class FieldsRequestSerializer(StrictSerializer):
    fieldKeys = criterion(
        StrictCharField(max_length=MAX_PATH_LENGTH),
        max_length=MAX_KEYS,
        help_text="The paths of the fields wanted; all when absent or empty.",
    )
    layoutPathKey = optional(
        StrictCharField,
        allow_blank=True,
        max_length=MAX_PATH_LENGTH,
        help_text="Only fields below this element of the layout. Empty: those that no element but the root holds.",
    )


class FieldMetadataSerializer(serializers.Serializer):
    key = serializers.CharField(source="path", help_text="The field's dotted path in the document.")
    type = serializers.CharField()
    label = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    layoutPathKey = serializers.CharField(source="layout_path", help_text="The layout element that holds it.")
    order = serializers.IntegerField(help_text="Its place among all that this element holds; from 1.")
    isArray = serializers.BooleanField(source="is_array")
    isMandatory = serializers.BooleanField(source="is_mandatory")
    isDisabled = serializers.BooleanField(source="is_disabled")
    isReadOnly = serializers.BooleanField(source="is_read_only")
    isUpdatableByContact = serializers.BooleanField(source="is_updatable_by_contact")
    isApprovalRequired = serializers.BooleanField(source="is_approval_required")
    isExportable = serializers.BooleanField(source="is_exportable")
    isSearchable = serializers.BooleanField(source="is_searchable")
    isVerificationRequired = serializers.BooleanField(source="is_verification_required")
    listKey = serializers.CharField(source="list_key", allow_null=True)
    hierarchyFieldKey = serializers.CharField(
        source="hierarchy_field_key", allow_null=True, help_text="The list field beside it that holds the parent."
    )
    minLength = serializers.IntegerField(source="min_length", allow_null=True)
    maxLength = serializers.IntegerField(source="max_length", allow_null=True)
    minItems = serializers.IntegerField(source="min_items", allow_null=True)
    maxItems = serializers.IntegerField(source="max_items", allow_null=True)
    pattern = serializers.CharField(allow_null=True)
    minimum = serializers.JSONField(allow_null=True)
    maximum = serializers.JSONField(allow_null=True)


class FieldsSerializer(serializers.Serializer):
    fields = FieldMetadataSerializer(many=True)


class ListSearchSerializer(StrictSerializer):
    filter = optional(
        StrictCharField, max_length=MAX_TERM_LENGTH, allow_blank=True, help_text="Part of the name or of the key."
    )
    limit = optional(
        StrictIntegerField,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text=f"{DEFAULT_LIMIT} unless said, {MAX_LIMIT} at most.",
    )
    includeId = optional(StrictIntegerField, help_text="An item that comes first in any case.")
    isFilteredByHierarchy = optional(
        StrictBooleanField,
        help_text="Whether hierarchyListItemId narrows the items; unless said, it does when it is passed.",
    )
    hierarchyListItemId = optional(StrictIntegerField, help_text="Only children of this item.")


class ListItemSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    listKey = serializers.CharField()
    key = serializers.CharField(help_text="What documents hold.")
    name = serializers.CharField(help_text="In the language of the request.")
    parentId = serializers.IntegerField(allow_null=True)
    order = serializers.IntegerField()


class FoundListItemsSerializer(serializers.Serializer):
    items = ListItemSerializer(many=True)
    totalCount = serializers.IntegerField(help_text="How many items fit, whatever the limit.")


class ListsSearchSerializer(StrictSerializer):
    listKeys = criterion(
        StrictCharField(max_length=MAX_TERM_LENGTH),
        max_length=MAX_KEYS,
        help_text="The lists wanted; all when absent or empty.",
    )


class ListItemsSerializer(serializers.Serializer):
    items = ListItemSerializer(many=True)
