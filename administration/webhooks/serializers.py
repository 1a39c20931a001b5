"""Shapes of webhooks and their deliveries."""

from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.paging import PagedSerializer
from core.serializers import LineField, StrictSerializer, criterion
from events.models import Delivery
from events.models.webhooks import MAX_URL
from events.serializers import PositionField, TypeField

STATUSES, ERRORS = Delivery.Status.values, Delivery.Error.values
# What else is wrong with a URL breaks a rule. Without TLS only where a setting allows private networks.
URL_PATTERN = r"^https?://[!-~]+$"


class NewWebhookSerializer(StrictSerializer):
    url = LineField(
        max_length=MAX_URL,
        validators=[
            RegexValidator(
                URL_PATTERN, message=_("Expected a URL that begins with https:// and has ASCII characters only.")
            )
        ],
        help_text="Where to send events: `https://...`, at a public address.",
    )
    types = criterion(TypeField(), help_text="Only events of these types. Null: all that the application may receive.")


class SecretSerializer(serializers.Serializer):
    secret = serializers.CharField(help_text="`whsec_...`, for the signatures. It is shown once.")


class CreatedWebhookSerializer(SecretSerializer):
    id = serializers.UUIDField()


class WebhookSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="uid")
    url = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField(), allow_null=True)
    isActive = serializers.BooleanField(
        source="is_delivering",
        help_text="False if it is inactive, or was given up: after three days of failures, or an answer 410. A replay "
        "starts it again.",
    )
    createDate = serializers.DateTimeField(source="created_at")
    lastPosition = serializers.IntegerField(source="position", help_text="Of the last event sent, or kept to be.")
    failingSince = serializers.DateTimeField(source="failing_since", allow_null=True)


class WebhooksSerializer(serializers.Serializer):
    webhooks = WebhookSerializer(many=True)


class ReplaySerializer(StrictSerializer):
    after = PositionField(help_text="The position after which everything is sent again.")


class DeliverySerializer(serializers.Serializer):
    position = serializers.IntegerField(source="event_id", allow_null=True, help_text="Of the event; null for a test.")
    status = serializers.ChoiceField(choices=STATUSES)
    attempts = serializers.IntegerField()
    createDate = serializers.DateTimeField(source="created_at")
    lastAttemptDate = serializers.DateTimeField(source="attempted_at", allow_null=True)
    nextAttemptDate = serializers.DateTimeField(source="next_attempt_at", allow_null=True)
    responseStatus = serializers.IntegerField(source="response_status", allow_null=True)
    error = serializers.SerializerMethodField()

    @extend_schema_field(
        serializers.ChoiceField(
            choices=ERRORS, allow_null=True, help_text="Why there was no answer; null if there was one."
        )
    )
    def get_error(self, delivery: Delivery) -> str | None:
        return delivery.error or None


class PagedDeliveriesSerializer(PagedSerializer):
    results: Any = DeliverySerializer(many=True)
