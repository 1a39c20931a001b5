"""Serializers of uploads and syncs."""

from rest_framework import serializers

from core.serializers import StrictBooleanField, StrictCharField, StrictSerializer, criterion
from importexport.models import DuplicateMode, ImportStatus

# The API contract includes Unknown, which is never returned.
STATUSES = ["Unknown", *ImportStatus.values]


class UploadedSerializer(serializers.Serializer):
    files = serializers.ListField(child=serializers.CharField(), help_text="The names under which they are stored.")


class SyncSerializer(StrictSerializer):
    files = criterion(
        StrictCharField(), help_text="Stored names. Unless given: all that the caller has uploaded and not synced."
    )


class SyncQuerySerializer(StrictSerializer):
    dryRun = StrictBooleanField(
        required=False, default=False, help_text="Do everything, and keep nothing but the status."
    )


class ContactsSyncQuerySerializer(SyncQuerySerializer):
    duplicates = serializers.ChoiceField(DuplicateMode.values, required=False, default=DuplicateMode.IGNORE)


class SyncStartedSerializer(serializers.Serializer):
    statusId = serializers.UUIDField()


class SyncProgressSerializer(serializers.Serializer):
    total = serializers.IntegerField(allow_null=True, help_text="The entries in the files.")
    processed = serializers.IntegerField(help_text="The sum of the five below.")
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="With those that a later entry superseded.")
    awaitingApproval = serializers.IntegerField(
        help_text="Entries that must be approved. Change requests have them once the sync has ended."
    )


class SyncFailureSerializer(serializers.Serializer):
    externalId = serializers.CharField(allow_null=True)
    file = serializers.CharField(help_text="The stored name.")
    path = serializers.CharField(allow_null=True, help_text="The place in the entry.")
    message = serializers.CharField(help_text="Begins with the line, or the number of the entry in the array.")


class SyncStatusSerializer(serializers.Serializer):
    status = serializers.ChoiceField(choices=STATUSES)
    errorMessage = serializers.CharField(allow_null=True)
    failedExternalIds = serializers.ListField(child=serializers.CharField(), help_text="1,000 at most.")
    progress = SyncProgressSerializer()
    failures = SyncFailureSerializer(many=True, help_text="1,000 at most.")


class SyncDuplicatesSerializer(serializers.Serializer):
    duplicates = SyncFailureSerializer(many=True, help_text="1,000 at most.")
