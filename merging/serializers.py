"""Shapes of merging contacts and of undoing that."""

from rest_framework import serializers

from core.serializers import ObjectField, StrictCharField, StrictIntegerField, StrictSerializer, optional


class MergeSerializer(StrictSerializer):
    losingContactId = StrictIntegerField(help_text="The contact that is merged; the one of the path survives.")
    details = optional(
        ObjectField,
        help_text="The survivor's whole document afterwards. If absent or null, it keeps its own values, and gets those"
        " of the other contact where it has none.",
    )
    comment = optional(StrictCharField, allow_blank=True, max_length=2000)


class UnmergeSerializer(StrictSerializer):
    losingContactId = StrictIntegerField(help_text="The contact that was merged into the one of the path.")
    comment = optional(StrictCharField, allow_blank=True, max_length=2000)


class MergedSerializer(serializers.Serializer):
    isApprovalRequired = serializers.BooleanField(help_text="Whether it waits for review; nothing has changed then.")
    changeRequestId = serializers.IntegerField(allow_null=True, help_text="The request that waits, if any.")
