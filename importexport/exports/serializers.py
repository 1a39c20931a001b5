"""Serializers of exports."""

from rest_framework import serializers

from importexport.models import ExportStatus


class ExportRequestedSerializer(serializers.Serializer):
    exportJobId = serializers.UUIDField(help_text="Names the export: get its file with it.")


class ExportProgressSerializer(serializers.Serializer):
    status = serializers.ChoiceField(choices=[ExportStatus.PENDING.value, ExportStatus.RUNNING.value])
    processed = serializers.IntegerField(help_text="How many rows are written.")
    total = serializers.IntegerField(allow_null=True, help_text="How many rows there are; null until they are counted.")
