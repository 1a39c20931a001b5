"""API views that merge contacts and undo that."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import STAFF, Access
from accounts.views import ActorView
from changerequests.models import ChangeRequest
from contacts.permissions import MAY_MERGE
from contacts.views.tags import TAGS, WRITE
from merging.serializers import MergedSerializer, MergeSerializer, UnmergeSerializer
from merging.services.merging import merge_contacts
from merging.services.separating import unmerge_contacts


class MergeView(ActorView):
    access = {"POST": Access(WRITE, STAFF, member_permission=MAY_MERGE)}

    @extend_schema(operation_id="mergeContacts", tags=TAGS, request=MergeSerializer, responses={200: MergedSerializer})
    def post(self, request: Request, contactId: int) -> Response:
        """Merge a contact into another one.

        The contact of the path survives, with the participants, members and groups of both. The other one is in no
        list any more; its id, its uid and its external ids mean the survivor from then on, and `unmerge` brings it back
        as it was. The caller must see both.

        `details` may have values of either contact whatever the flags of their fields, and values that neither has
        where the caller may change the field; addresses that are verified are those of the two contacts.

        A member's merge waits as a change request unless the policies say otherwise: `isApprovalRequired`.

        `subCode`: SameContact, PendingChangeRequestExists, LoginOfMerged, FieldNotUpdatable, ValidationFailed,
        UsernameNotUnique, UsernameRequired, ContactAnonymized, ContactMerged.
        """
        body = self.body(MergeSerializer)
        asked = merge_contacts(
            actor=self.actor,
            survivor_id=contactId,
            loser_id=body["losingContactId"],
            details=body["details"],
            comment=body["comment"] or None,
        )
        return _answer(asked)


class UnmergeView(ActorView):
    access = {"POST": Access(WRITE, STAFF, member_permission=MAY_MERGE)}

    @extend_schema(
        operation_id="unmergeContacts", tags=TAGS, request=UnmergeSerializer, responses={200: MergedSerializer}
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Undo the merge of a contact.

        The merged contact is as it was. The survivor is as it was before, and what was changed since then is changed
        again, as an entry of its own in its history. Where both the merge and a later change had changed a value, the
        later one stays. Not possible once the contacts are anonymized.

        A member's call waits as a change request unless the policies say otherwise: `isApprovalRequired`.

        `subCode`: NotMerged, PendingChangeRequestExists, ValidationFailed, UsernameNotUnique, ContactAnonymized.
        """
        body = self.body(UnmergeSerializer)
        asked = unmerge_contacts(
            actor=self.actor,
            survivor_id=contactId,
            loser_id=body["losingContactId"],
            comment=body["comment"] or None,
        )
        return _answer(asked)


def _answer(asked: ChangeRequest | None) -> Response:
    request_id = None if asked is None else asked.pk
    answer = {"isApprovalRequired": asked is not None, "changeRequestId": request_id}
    return Response(MergedSerializer(answer).data)
