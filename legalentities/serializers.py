"""Serializers of legal entities."""

from rest_framework import serializers

from contactgroups.serializers import GroupContactSerializer
from core.serializers import ObjectField, StrictSerializer, optional_list
from legalentities.models import LegalEntity


class CreateLegalEntitySerializer(StrictSerializer):
    contacts = optional_list(
        GroupContactSerializer(), help_text="Who is in the legal entity's group; a contact that creates it is."
    )
    details = ObjectField(help_text="Follows the schema `legal-entity`.")


class CreatedLegalEntitySerializer(serializers.ModelSerializer):
    details = ObjectField()

    class Meta:
        model = LegalEntity
        fields = ["id", "details"]


class LegalEntityDetailsSerializer(serializers.Serializer):
    contactGroupId = serializers.IntegerField(source="group_id")
    details = ObjectField()


class ReplaceLegalEntityDetailsSerializer(StrictSerializer):
    details = ObjectField(help_text="The whole document.")
