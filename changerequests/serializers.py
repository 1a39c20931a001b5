"""Serializers for change requests of all kinds."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema_field, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.response import Response

from accounts.serializers import MemberRefSerializer
from changerequests.kinds import all_kinds
from changerequests.models import ChangeRequest, Source, Status
from core.paging import PagedSerializer, PageSerializer
from core.serializers import (
    ApiErrorSerializer,
    StrictBooleanField,
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

MAX_TEXT = 2000
ANOTHER_DIGEST = {
    412: OpenApiResponse(
        ApiErrorSerializer, description="The digest is not that of the current revision, or it is missing."
    )
}


class WaitingSerializer(serializers.Serializer):
    """The answer to a change that waits for somebody else."""

    isApprovalRequired = serializers.BooleanField()
    changeRequestId = serializers.IntegerField()


def waiting(request: ChangeRequest) -> Response:
    """Return the 202 response to a change that waits as this request."""
    answer = WaitingSerializer({"isApprovalRequired": True, "changeRequestId": request.pk})
    return Response(answer.data, status=status.HTTP_202_ACCEPTED)


class ChangeRequestStatusSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="value")
    name = serializers.CharField(source="label")


class WithStatus(serializers.Serializer):
    """Adds the status of a request, with its localized name."""

    status = serializers.SerializerMethodField()

    @extend_schema_field(ChangeRequestStatusSerializer)
    def get_status(self, request: ChangeRequest) -> dict[str, Any]:
        found = Status(request.status)
        return {"id": found.value, "name": str(found.label)}


# ---- search


def searched_kinds() -> list[str]:
    """Return the registered kinds, and what makes requests about many subjects."""
    return sorted([*(kind.key for kind in all_kinds()), *Source.values])


class KindField(serializers.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=searched_kinds(), **kwargs)


class AnyChangeRequestCriteriaSerializer(PageSerializer):
    kinds = criterion(KindField(), help_text="Null: requests of all kinds.")
    statusIds = criterion(StrictIntegerField())
    initiatorMemberUids = criterion(StrictUUIDField())
    isMineToDecide = optional(StrictBooleanField, help_text="Only requests that the calling member could decide now.")
    isOverdue = optional(StrictBooleanField, help_text="Whether the stage that an open request waits in is overdue.")
    createDateFrom = optional(StrictDateTimeField)
    createDateTo = optional(StrictDateTimeField)


class InitiatorSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="`member`, `application` or `system`.")
    uId = serializers.UUIDField(allow_null=True, help_text="Of a member.")
    name = serializers.CharField()


class SubjectSerializer(serializers.Serializer):
    kind = serializers.CharField()
    id = serializers.IntegerField(allow_null=True, help_text="Null if the request is about several subjects.")
    uId = serializers.UUIDField(allow_null=True)
    name = serializers.CharField(help_text="Of several subjects: how many there are.")


class AnyChangeRequestRowSerializer(WithStatus):
    id = serializers.IntegerField()
    uId = serializers.UUIDField(source="uid")
    kind = serializers.CharField(source="shown_kind", help_text="Of an import: `import`.")
    subject = serializers.SerializerMethodField()
    subjectCount = serializers.IntegerField(source="subject_count")
    isOutdated = serializers.BooleanField(
        source="is_outdated", help_text="Whether the only subject no longer has the original values."
    )
    createDate = serializers.DateTimeField(source="created_at")
    dueDate = serializers.SerializerMethodField()
    initiator = serializers.SerializerMethodField()
    initiatorComment = serializers.CharField(source="initiator_comment", allow_null=True)
    revision = serializers.IntegerField(source="revision_number")
    claimedBy = serializers.SerializerMethodField()

    @extend_schema_field(SubjectSerializer)
    def get_subject(self, request: ChangeRequest) -> dict[str, Any]:
        subject = request.subject
        return {"kind": request.kind, "id": request.subject_id, "uId": _text(subject.uid), "name": subject.name}

    @extend_schema_field(serializers.DateTimeField(allow_null=True, help_text="Of the stage that it waits in."))
    def get_dueDate(self, request: ChangeRequest) -> Any:  # noqa: N802 - named after the property
        if not request.is_open or request.due_at is None:
            return None
        return serializers.DateTimeField().to_representation(request.due_at)

    @extend_schema_field(InitiatorSerializer)
    def get_initiator(self, request: ChangeRequest) -> dict[str, Any]:
        kind = (
            "member" if request.initiator_member_id else "application" if request.initiator_application_id else "system"
        )
        uid = request.initiator_member.uid if request.initiator_member else None
        return {"kind": kind, "uId": _text(uid), "name": request.initiator_name}

    @extend_schema_field(MemberRefSerializer(allow_null=True, help_text="Who has it open, if it is pending."))
    def get_claimedBy(self, request: ChangeRequest) -> Any:  # noqa: N802 - named after the property
        claim = request.live_claim
        return None if claim is None else MemberRefSerializer(claim.member).data


def _text(uid: Any) -> str | None:
    return None if uid is None else str(uid)


class PagedAnyChangeRequestsSerializer(PagedSerializer):
    results = AnyChangeRequestRowSerializer(many=True)


# ---- one request


class DecisionSerializer(serializers.Serializer):
    member = MemberRefSerializer()
    onBehalfOf = MemberRefSerializer(source="on_behalf_of", allow_null=True)
    verdict = serializers.CharField(help_text="`approve`, `reject` or `return`.")
    comment = serializers.CharField(allow_null=True)
    decidedAt = serializers.DateTimeField(source="decided_at")
    paths = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="The changes that it kept. Null: all."
    )


# The contract names neither, so the OpenAPI document has them among the properties that may come.
@extend_schema_serializer(exclude_fields=["escalatedTo", "isEvidenceRequired"])
class StageSerializer(serializers.Serializer):
    name = serializers.CharField()
    approvalsNeeded = serializers.IntegerField(source="needed")
    dueDate = serializers.DateTimeField(source="due_at", allow_null=True)
    escalatedTo = serializers.CharField(
        source="escalated_to",
        allow_null=True,
        help_text="The group whose members may decide, too, because the stage is overdue.",
    )
    isEvidenceRequired = serializers.BooleanField(
        source="is_evidence_required", help_text="Whether an approval needs a file that is attached to the request."
    )
    decisions = DecisionSerializer(many=True)


class RequestedChangeSerializer(serializers.Serializer):
    path = serializers.CharField()
    label = serializers.CharField()
    originalValue = ValueField(source="original", allow_null=True)
    currentValue = ValueField(source="current", allow_null=True, help_text="What the subject has now.")
    targetValue = ValueField(source="target", allow_null=True)
    isApprovalRequired = serializers.BooleanField(source="is_approval_required")


class AnyChangeRequestSerializer(AnyChangeRequestRowSerializer):
    digest = serializers.CharField(help_text="Of the current revision; a decision names it.")
    stages = StageSerializer(many=True)
    details = RequestedChangeSerializer(many=True, help_text="Of the only subject; of several, see the entries.")


class RequestEntrySerializer(serializers.Serializer):
    entryId = serializers.IntegerField(source="id")
    subject = serializers.SerializerMethodField()
    isOutdated = serializers.BooleanField(source="is_outdated")
    details = RequestedChangeSerializer(source="changes", many=True)

    @extend_schema_field(SubjectSerializer)
    def get_subject(self, entry: Any) -> dict[str, Any]:
        subject = entry.subject
        return {"kind": entry.kind, "id": subject.id, "uId": _text(subject.uid), "name": subject.name}


class PagedRequestEntriesSerializer(PagedSerializer):
    results = RequestEntrySerializer(many=True)


# ---- decisions


class ReviewSerializer(StrictSerializer):
    isApproved = StrictBooleanField()
    comment = optional(StrictCharField, allow_blank=True, max_length=MAX_TEXT)
    paths = optional_list(StrictCharField(), help_text="The changes to approve; the others are struck. Null: all.")
    digest = optional(StrictCharField, max_length=64, help_text="Of the revision that was shown.")


class AnyReviewSerializer(ReviewSerializer):
    excludedEntryIds = optional_list(StrictIntegerField(), help_text="Entries to strike from the request.")


class ReturnSerializer(StrictSerializer):
    comment = StrictCharField(max_length=MAX_TEXT, help_text="What the initiator has to change.")


# ---- claims


class ClaimSerializer(StrictSerializer):
    takeOver = optional(StrictBooleanField, help_text="Also if another member has claimed it.")


class ClaimedSerializer(serializers.Serializer):
    until = serializers.DateTimeField()


# ---- conversation


class AddCommentSerializer(StrictSerializer):
    text = StrictCharField(max_length=MAX_TEXT, trim_whitespace=False)


class CommentSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    author = MemberRefSerializer()
    text = serializers.CharField(help_text="Empty once the person whom it is about was anonymized.")
    createDate = serializers.DateTimeField(source="created_at")


class CommentsSerializer(serializers.Serializer):
    comments = CommentSerializer(many=True)


class AttachmentSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="Empty once the person whom it is about was anonymized, as the file is.")
    mediaType = serializers.CharField(source="media_type")
    size = serializers.IntegerField()
    author = MemberRefSerializer()
    createDate = serializers.DateTimeField(source="created_at")


class AttachmentsSerializer(serializers.Serializer):
    attachments = AttachmentSerializer(many=True)


class AddAttachmentSerializer(StrictSerializer):
    """The form of an attachment, for the API's document; the view reads it as a stream."""

    file = serializers.FileField()
