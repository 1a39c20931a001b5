"""Serializers of exports."""

from rest_framework import serializers

from importexport.models import ExportStatus

UNFINISHED_STATUSES = [
    status.value for status in (ExportStatus.AWAITING_APPROVAL, ExportStatus.PENDING, ExportStatus.RUNNING)
]


class ExportRequestedSerializer(serializers.Serializer):
    exportJobId = serializers.UUIDField(help_text="Names the export: get its file with it.")


class ExportProgressSerializer(serializers.Serializer):
    status = serializers.ChoiceField(choices=UNFINISHED_STATUSES)
    processed = serializers.IntegerField(help_text="How many rows are written.")
    total = serializers.IntegerField(allow_null=True, help_text="How many rows there are; null until they are counted.")
