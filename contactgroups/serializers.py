"""Serializers of contact groups and access checks."""

from rest_framework import serializers

from contactgroups.models import MAX_CUSTOM_ATTRIBUTES, MAX_EXTERNAL_ID, MAX_NAME
from core.paging import PagedSerializer, PageSerializer
from core.serializers import LineField, StrictCharField, StrictIntegerField, StrictSerializer, criterion, optional

NAME = {"allow_null": True, "allow_blank": True, "max_length": MAX_NAME}
EXTERNAL_ID = {
    "allow_null": True,
    "max_length": MAX_EXTERNAL_ID,
    "help_text": "Another system's key of the group. Unique over all groups.",
}
CUSTOM_ATTRIBUTES = {
    "allow_null": True,
    "allow_blank": True,
    "max_length": MAX_CUSTOM_ATTRIBUTES,
    "help_text": "Any text; it is kept as it is.",
}


class GroupContactSerializer(StrictSerializer):
    contactId = StrictIntegerField(source="contact_id")
    accessPolicyId = StrictIntegerField(
        source="access_policy_id", help_text="The id of an item of the list `access-policy`."
    )


class ContactGroupSerializer(StrictSerializer):
    """A new group, or the changes to one. Absent properties are absent from the validated data."""

    groupName = LineField(source="name", required=False, **NAME)
    groupExternalId = LineField(source="external_id", required=False, **EXTERNAL_ID)
    customAttributes = StrictCharField(source="custom_attributes", required=False, **CUSTOM_ATTRIBUTES)
    # A ListField: `many=True` with allow_null would also allow null items.
    contacts = serializers.ListField(child=GroupContactSerializer(), required=False, allow_null=True)


class ContactGroupIdSerializer(serializers.Serializer):
    id = serializers.IntegerField()


class GroupContactRowSerializer(serializers.Serializer):
    contactId = serializers.IntegerField(source="contact_id")
    name = serializers.CharField(source="contact.name")
    accessPolicyId = serializers.IntegerField(source="access_policy_id")
    # `str()` of the list item: its name in the language of the request.
    accessPolicyName = serializers.CharField(source="access_policy")


class ContactGroupRowSerializer(serializers.Serializer):
    groupId = serializers.IntegerField(source="pk")
    groupName = serializers.CharField(source="name", allow_null=True)
    groupExternalId = serializers.CharField(source="external_id", allow_null=True)
    customAttributes = serializers.CharField(source="custom_attributes", allow_null=True)
    contacts = GroupContactRowSerializer(
        source="visible_members", many=True, help_text="The contacts of the group that the caller sees."
    )


class ContactGroupsSerializer(serializers.Serializer):
    groups = ContactGroupRowSerializer(many=True)


class GroupCriteriaSerializer(PageSerializer):
    contactIds = criterion(
        StrictIntegerField(),
        help_text="Groups with at least one of these contacts; contacts that you cannot see do not count.",
    )
    contactGroupIds = criterion(StrictIntegerField())
    name = optional(
        LineField,
        allow_blank=True,
        help_text="Part of the name, anywhere in it and whatever the case. An empty text is not applied.",
    )
    externalIds = criterion(LineField())


class PagedContactGroupsSerializer(PagedSerializer):
    results = ContactGroupRowSerializer(many=True)


class AccessSerializer(serializers.Serializer):
    hasAccess = serializers.BooleanField()
