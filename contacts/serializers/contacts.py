"""Serializers for contacts, their details and their history."""

from django.db.models import Func
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.serializers import MemberRefSerializer, MemberRefV10Serializer
from contacts.models import MAX_EXTERNAL_ID, MAX_SYSTEM, MAX_USERNAME, ChannelKind, Contact, ExternalConnection
from core.correlation import MAX_LENGTH
from core.paging import PagedSerializer, PagingSerializer, SortByField
from core.serializers import (
    LineField,
    MomentField,
    ObjectField,
    StrictCharField,
    StrictDateTimeField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
    ValueField,
    criterion,
    optional,
    optional_list,
)


class ContactRefSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    uId = serializers.UUIDField(source="uid")
    name = serializers.CharField()


class ChangeSerializer(serializers.Serializer):
    path = serializers.CharField()
    originalValue = ValueField(source="original", allow_null=True)
    targetValue = ValueField(source="target", allow_null=True)


# ---- creation


class CreateContactSerializer(StrictSerializer):
    contactTypeId = StrictIntegerField(help_text="The id of an item of the list `contact-type`.")
    username = optional(LineField, max_length=MAX_USERNAME)
    details = ObjectField(help_text="Follows the schema `contact`.")
    correlationId = optional(
        StrictCharField,
        allow_blank=True,
        max_length=MAX_LENGTH,
        help_text="Any text. The answer has it in place of that of the header X-Correlation-ID; it is not kept.",
    )


class CreatedContactSerializer(serializers.ModelSerializer):
    uId = serializers.UUIDField(source="uid")
    details = ObjectField()

    class Meta:
        model = Contact
        fields = ["id", "uId", "details"]


# ---- reading


class ContactSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    uId = serializers.UUIDField(source="uid")
    name = serializers.CharField()
    typeId = serializers.IntegerField(source="type_id", help_text="The id of an item of the list `contact-type`.")
    username = serializers.CharField(allow_null=True)
    version = serializers.IntegerField(help_text="Counts the changes of the details.")
    changeDate = serializers.DateTimeField(source="changed_at", help_text="When this version of the details was made.")
    mergedIntoId = serializers.IntegerField(
        source="merged_into_id",
        allow_null=True,
        help_text="Of a contact that was merged: the id of the one that answers for it.",
    )


# ---- details


class ContactDetailsSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    hasPendingChangeRequest = serializers.BooleanField(source="has_pending_change_request")
    hasPendingEmail = serializers.BooleanField(source="has_pending_email")
    hasPendingMobile = serializers.BooleanField(source="has_pending_mobile")
    details = ObjectField()


class DetailsAsOfSerializer(StrictSerializer):
    asOf = optional(
        MomentField,
        help_text="The details as they were at this moment, by the history. The flags are those of now.",
    )


class SubmitDetailsSerializer(StrictSerializer):
    details = ObjectField(help_text="PATCH: a JSON Merge Patch (RFC 7396). PUT: the whole document.")
    comment = optional(StrictCharField, allow_blank=True, max_length=2000)


class SubmittedDetailsSerializer(serializers.Serializer):
    isApprovalRequired = serializers.BooleanField(
        help_text="Whether the submission is pending review; nothing is applied then."
    )
    hasPendingEmail = serializers.BooleanField()
    hasPendingMobile = serializers.BooleanField()


# ---- history

HISTORY_COLUMNS: dict[str, str | Func] = {
    "contactChangeSetId": "id",
    "executionDate": "recorded_at",
    "initiatorPersonId": Coalesce("initiator_member_id", "initiator_contact_id"),
}
HISTORY_SORT_BY = tuple(HISTORY_COLUMNS)


class HistoryCriteriaBase(PagingSerializer):
    sortBy = SortByField(HISTORY_SORT_BY, help_text="`contactChangeSetId` unless said.")
    executionDateFrom = optional(StrictDateTimeField)
    executionDateTo = optional(StrictDateTimeField)
    paths = criterion(
        StrictCharField(), help_text="Change sets with at least one of these paths, or of one below them."
    )


class HistoryCriteriaV10Serializer(HistoryCriteriaBase):
    initiatorPersonIds = criterion(StrictIntegerField())


class HistoryCriteriaSerializer(HistoryCriteriaBase):
    initiatorPersonUids = criterion(StrictUUIDField())


# The contract does not name the comment, so the OpenAPI document has it among the properties that may come.
@extend_schema_serializer(exclude_fields=["comment"])
class ChangeSetSerializer(serializers.Serializer):
    contactChangeSetId = serializers.IntegerField(source="pk")
    executionDate = serializers.DateTimeField(source="recorded_at")
    initiatorPerson = MemberRefSerializer(source="initiator_person", allow_null=True)
    comment = serializers.CharField(allow_null=True)
    changes = ChangeSerializer(many=True)


@extend_schema_serializer(exclude_fields=["comment"])
class ChangeSetV10Serializer(ChangeSetSerializer):
    initiatorPerson = MemberRefV10Serializer(source="initiator_person", allow_null=True)


class PagedChangeSetsSerializer(PagedSerializer):
    results = ChangeSetSerializer(many=True)


class PagedChangeSetsV10Serializer(PagedSerializer):
    results = ChangeSetV10Serializer(many=True)


# ---- username and external connections


class UsernameSerializer(serializers.Serializer):
    username = serializers.CharField(allow_null=True)


class PutUsernameSerializer(StrictSerializer):
    username = optional(LineField, max_length=MAX_USERNAME)


class AddExternalConnectionSerializer(StrictSerializer):
    externalId = optional(LineField, max_length=MAX_EXTERNAL_ID)
    system = optional(
        LineField,
        max_length=MAX_SYSTEM,
        help_text=f"`{ExternalConnection.DEFAULT_SYSTEM}`, the import's system, unless said.",
    )


class ExternalConnectionSerializer(serializers.Serializer):
    externalId = serializers.CharField(source="external_id")
    system = serializers.CharField()


class ExternalConnectionsSerializer(serializers.Serializer):
    connections = ExternalConnectionSerializer(many=True)


class AnonymizeSerializer(StrictSerializer):
    contactIds = optional_list(StrictIntegerField())
    contactUIds = optional_list(StrictUUIDField())


# ---- channels and picture


class ChannelSerializer(StrictSerializer):
    channel = serializers.ChoiceField(choices=ChannelKind.values)


class VerifyChannelSerializer(ChannelSerializer):
    key = optional(StrictCharField, max_length=40, trim_whitespace=True)


class PictureSerializer(serializers.Serializer):
    imageContentBase64 = serializers.CharField()
    isDefaultImage = serializers.BooleanField()


# Groups of four base64 digits, padded at the end, with white space anywhere because lines may be broken.
DIGIT = r"[A-Za-z0-9+/][ \t\r\n]*"
DATA_URI = r"data:[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+(;[A-Za-z0-9_=.+-]+)*;base64,"
BASE64 = rf"^({DATA_URI})?[ \t\r\n]*(({DIGIT}){{4}})*(({DIGIT}){{2}}=[ \t\r\n]*=[ \t\r\n]*|({DIGIT}){{3}}=[ \t\r\n]*)?$"


@extend_schema_field({"type": "string", "minLength": 1, "pattern": BASE64})
class Base64Field(StrictCharField):
    pass


class ReplacePictureSerializer(StrictSerializer):
    imageContentBase64 = optional(
        Base64Field, help_text="JPEG, PNG or WebP in base64, with or without the head of a data URI; mandatory."
    )


class ContactIdsSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    uid = serializers.UUIDField()
