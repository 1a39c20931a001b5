"""Serializers for change requests."""

from rest_framework import serializers

from accounts.serializers import MemberRefSerializer, MemberRefV10Serializer
from changerequests.serializers import ChangeRequestStatusSerializer, WithStatus
from contacts.serializers.contacts import ChangeSerializer, ContactRefSerializer
from core.paging import PagedSerializer, PagingSerializer, SortByField
from core.serializers import (
    ObjectField,
    StrictBooleanField,
    StrictCharField,
    StrictDateTimeField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
    criterion,
    optional,
)

SORT_COLUMNS = {
    "Id": "id",
    "StatusId": "status",
    "CreateDate": "created_at",
    "InitiatorMemberId": "initiator_member",
    "ContactId": "subject_id",
    "ReviewDate": "reviewed_at",
    "ReviewMemberId": "review_member",
}
SORT_BY = tuple(SORT_COLUMNS)


class ChangeRequestStatusesSerializer(serializers.Serializer):
    changeRequestStatuses = ChangeRequestStatusSerializer(many=True)


class ChangeRequestDetailSerializer(ChangeSerializer):
    isApprovalRequired = serializers.BooleanField()


class PendingChangeRequestSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    uId = serializers.UUIDField(source="uid")
    createDate = serializers.DateTimeField(source="created_at")
    initiatorMember = MemberRefSerializer(source="initiator_member")
    initiatorComment = serializers.CharField(source="initiator_comment", allow_null=True)


class PendingChangeRequestV10Serializer(PendingChangeRequestSerializer):
    initiatorMember = MemberRefV10Serializer(source="initiator_member")


class PendingCheckSerializer(serializers.Serializer):
    hasPendingChangeRequest = serializers.BooleanField()
    changeRequest = PendingChangeRequestSerializer(allow_null=True)


class PendingCheckV10Serializer(PendingCheckSerializer):
    changeRequest = PendingChangeRequestV10Serializer(allow_null=True)


class ChangeRequestRowSerializer(WithStatus, PendingChangeRequestSerializer):
    contact = ContactRefSerializer(source="subject")
    reviewDate = serializers.DateTimeField(source="reviewed_at", allow_null=True)
    reviewMember = MemberRefSerializer(source="review_member", allow_null=True)
    reviewComment = serializers.CharField(source="review_comment", allow_null=True)


class ChangeRequestRowV10Serializer(ChangeRequestRowSerializer):
    initiatorMember = MemberRefV10Serializer(source="initiator_member")
    reviewMember = MemberRefV10Serializer(source="review_member", allow_null=True)


class ChangeRequestSerializer(ChangeRequestRowSerializer):
    details = ChangeRequestDetailSerializer(source="changes", many=True)


class ChangeRequestV10Serializer(ChangeRequestRowV10Serializer):
    details = ChangeRequestDetailSerializer(source="changes", many=True)


class PagedChangeRequestsSerializer(PagedSerializer):
    results = ChangeRequestRowSerializer(many=True)


class PagedChangeRequestsV10Serializer(PagedSerializer):
    results = ChangeRequestRowV10Serializer(many=True)


class ChangeRequestCriteriaBase(PagingSerializer):
    sortBy = SortByField(SORT_BY, help_text="`CreateDate` unless said.")
    excludeHierarchy = optional(
        StrictBooleanField, help_text="Only requests about contacts that are assigned directly."
    )
    statusId = optional(StrictIntegerField)
    createDateFrom = optional(StrictDateTimeField)
    createDateTo = optional(StrictDateTimeField)
    contactIds = criterion(StrictIntegerField())
    reviewDateFrom = optional(StrictDateTimeField)
    reviewDateTo = optional(StrictDateTimeField)
    paths = criterion(StrictCharField(), help_text="Requests with at least one of these paths, or of one below them.")


class ChangeRequestCriteriaSerializer(ChangeRequestCriteriaBase):
    initiatorMemberUids = criterion(StrictUUIDField())
    reviewMemberUids = criterion(StrictUUIDField())


class ChangeRequestCriteriaV10Serializer(ChangeRequestCriteriaBase):
    initiatorMemberIds = criterion(StrictIntegerField())
    reviewMemberIds = criterion(StrictIntegerField())


class AmendSerializer(StrictSerializer):
    details = ObjectField(help_text="A JSON Merge Patch of the details as they are now, like that of the submission.")
    comment = optional(StrictCharField, allow_blank=True, max_length=2000)


class RevisionSerializer(serializers.Serializer):
    revision = serializers.IntegerField(source="number")
