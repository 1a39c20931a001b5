"""Serializers of duplicates."""

from rest_framework import serializers

from contacts.serializers.contacts import ContactRefSerializer
from core.serializers import ObjectField, StrictIntegerField, StrictSerializer, optional


class DuplicatesSearchSerializer(StrictSerializer):
    details = ObjectField(help_text="As in the schema `contact`; they need not be complete.")
    contactId = optional(StrictIntegerField, help_text="The contact of these details, which is left out.")


class CandidateSerializer(serializers.Serializer):
    contact = ContactRefSerializer()
    score = serializers.FloatField(source="match.shown_score", help_text="Between 0 and 1; 1 is certain.")
    reasons = serializers.ListField(
        child=serializers.CharField(), source="match.reasons", help_text="What agrees, in the caller's language."
    )


class DuplicatesSerializer(serializers.Serializer):
    candidates = CandidateSerializer(many=True)
