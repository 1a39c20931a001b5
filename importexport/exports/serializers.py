"""Serializers of exports."""

from rest_framework import serializers

from core.serializers import StrictCharField, StrictSerializer, optional
from importexport.exports.parsers import MAX_QUERY_BYTES
from importexport.models import ExportStatus

UNFINISHED_STATUSES = [
    status.value for status in (ExportStatus.AWAITING_APPROVAL, ExportStatus.PENDING, ExportStatus.RUNNING)
]


class ExportRequestSerializer(StrictSerializer):
    query = optional(
        StrictCharField,
        allow_blank=True,
        max_length=MAX_QUERY_BYTES,
        help_text="A GraphQL query, whose `where` selects the rows. All rows without one.",
    )


class ExportRequestedSerializer(serializers.Serializer):
    exportJobId = serializers.UUIDField(help_text="Names the export: get its file with it.")


class ExportProgressSerializer(serializers.Serializer):
    status = serializers.ChoiceField(choices=UNFINISHED_STATUSES)
    processed = serializers.IntegerField(help_text="How many rows are written.")
    total = serializers.IntegerField(allow_null=True, help_text="How many rows there are; null until they are counted.")
