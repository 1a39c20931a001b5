"""Serializers of the search for contacts."""

from rest_framework import serializers

from contacts.searching import MOST_CHARACTERS
from core.paging import PagedSerializer, PageSerializer
from core.serializers import LineField


class ContactSearchSerializer(PageSerializer):
    query = LineField(max_length=MOST_CHARACTERS, help_text="What is known of the contact, in any order.")


class FoundContactSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    uId = serializers.UUIDField(source="uid")
    name = serializers.CharField()
    typeId = serializers.IntegerField(source="type_id", help_text="The id of an item of the list `contact-type`.")
    score = serializers.FloatField(help_text="How well the contact answers the query, at most 1.")
    matched = serializers.ListField(
        child=serializers.CharField(),
        help_text="Paths of the details in which the query was found, or `id`, `uId`, `username`, "
        "`externalConnections.` with a system, `contactGroups.externalId`, `contactGroups.linkedEntities`.",
    )


class FoundContactsSerializer(PagedSerializer):
    results = FoundContactSerializer(many=True)
