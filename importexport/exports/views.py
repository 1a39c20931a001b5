"""API views: requesting exports and downloading them."""

from typing import ClassVar
from uuid import UUID

from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from accounts.permissions import STAFF, Access
from accounts.views import ActorView
from core.errors import UnprocessableEntity
from core.json import StrictJSONParser
from core.openapi import SECONDS
from importexport.exports import serializers as shapes
from importexport.exports.download import download
from importexport.exports.parsers import PlainTextParser, UntypedTextParser
from importexport.exports.queries import NOT_APPROVED, own_export, why_not_approved
from importexport.exports.running import SCOPE
from importexport.exports.selection import Selection
from importexport.exports.services import request_export
from importexport.job_messages import message_of
from importexport.models import ExportKind, ExportStatus
from importexport.permissions import MAY_EXPORT

TAGS = ["ExportManagement"]
QUERY = {"application/json": shapes.ExportRequestSerializer, "text/plain": OpenApiTypes.STR}
FILE = {
    (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="The file."),
    202: OpenApiResponse(shapes.ExportProgressSerializer, description="The export awaits approval, waits or runs."),
}
FILE_HEADERS = [
    OpenApiParameter(
        "Retry-After",
        SECONDS,
        OpenApiParameter.HEADER,
        required=True,
        response=["202"],
        description="After how many seconds to ask again.",
    ),
    OpenApiParameter(
        "Cache-Control",
        str,
        OpenApiParameter.HEADER,
        required=True,
        response=["200", "202"],
        description="The answer must not be kept.",
    ),
    OpenApiParameter(
        "Content-Disposition",
        str,
        OpenApiParameter.HEADER,
        required=True,
        response=["200"],
        description="The name of the file.",
    ),
]
RETRY_AFTER_SECONDS = "2"
# While it awaits approval.
RETRY_AFTER_LONGER = "60"


class _RequestExportView(ActorView):
    access = {"POST": Access(SCOPE, STAFF, member_permission=MAY_EXPORT)}
    parser_classes = [StrictJSONParser, PlainTextParser, UntypedTextParser]
    kind: ClassVar[ExportKind]

    def _request(self, request: Request) -> Response:
        query = (self.body(shapes.ExportRequestSerializer)["query"] or "").strip()

        def create() -> tuple[Response, str]:
            job = request_export(actor=self.actor, selection=Selection(self.kind, query=query))
            answer = shapes.ExportRequestedSerializer({"exportJobId": job.pk}).data
            return Response(answer, status=status.HTTP_202_ACCEPTED), f"export:{job.pk}"

        return idempotent(request, create)


class _ExportView(ActorView):
    access = {"GET": Access(SCOPE, STAFF)}
    kind: ClassVar[ExportKind]

    def _answer(self, job_id: UUID) -> Response | FileResponse:
        job = own_export(actor=self.actor, kind=self.kind, job_id=job_id)
        if not job.is_finished:
            wait = RETRY_AFTER_LONGER if job.is_awaiting_approval else RETRY_AFTER_SECONDS
            return Response(
                shapes.ExportProgressSerializer(job).data,
                status=status.HTTP_202_ACCEPTED,
                headers={"Retry-After": wait, "Cache-Control": "private, no-store"},
            )
        if job.status == ExportStatus.FAILED:
            raise UnprocessableEntity(
                message_of(job) or _("The export failed. Request it again."), sub_code="ExportFailed"
            )
        if job.status in NOT_APPROVED:
            raise UnprocessableEntity(why_not_approved(job), sub_code="ExportNotApproved")
        return download(job)


class RequestContactExportView(_RequestExportView):
    kind = ExportKind.CONTACTS

    @extend_schema(
        operation_id="requestContactExport",
        tags=TAGS,
        parameters=IDEMPOTENCY_KEY,
        request=QUERY,
        responses={202: shapes.ExportRequestedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Request a CSV file of contacts.

        Without a query the file has all contacts that the caller sees; with a GraphQL query those that match its
        `where`. The query is sent as JSON or as plain text. Visibility is checked when the export runs. The columns are
        `id`, `uid`, `externalId`, `type`, `username` and every field that the schema `contact` marks `isExportable`.

        An export of many rows may have to be approved first, as a change request of the kind `export`. Until then its
        status is `AwaitingApproval`.

        A repeated request with the same `Idempotency-Key` returns the same response without another export.
        """
        return self._request(request)


class RequestLegalEntityExportView(_RequestExportView):
    kind = ExportKind.LEGAL_ENTITIES

    @extend_schema(
        operation_id="requestLegalEntityExport",
        tags=TAGS,
        parameters=IDEMPOTENCY_KEY,
        request=QUERY,
        responses={202: shapes.ExportRequestedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Request a CSV file of legal entities.

        Without a query the file has all legal entities that the caller sees; with a GraphQL query those that match its
        `where`. The query is sent as JSON or as plain text. Visibility is checked when the export runs. The columns are
        `id`, `uid`, `externalId` and every field that the schema `legal-entity` marks `isExportable`.

        An export of many rows may have to be approved first, as a change request of the kind `export`. Until then its
        status is `AwaitingApproval`.

        A repeated request with the same `Idempotency-Key` returns the same response without another export.
        """
        return self._request(request)


class ContactExportView(_ExportView):
    kind = ExportKind.CONTACTS

    @extend_schema(operation_id="getContactExport", tags=TAGS, parameters=FILE_HEADERS, responses=FILE)
    def get(self, request: Request, exportJobId: UUID) -> Response | FileResponse:
        """Download a requested CSV file of contacts.

        Returns 202 with the progress while the export awaits approval, is pending or running, then the file for 24
        hours. Open only to the caller that requested it.

        `subCode`: ExportFailed, with the reason; ExportNotApproved if its change request was rejected or cancelled.
        """
        return self._answer(exportJobId)


class LegalEntityExportView(_ExportView):
    kind = ExportKind.LEGAL_ENTITIES

    @extend_schema(operation_id="getLegalEntityExport", tags=TAGS, parameters=FILE_HEADERS, responses=FILE)
    def get(self, request: Request, exportJobId: UUID) -> Response | FileResponse:
        """Download a requested CSV file of legal entities.

        Returns 202 with the progress while the export awaits approval, is pending or running, then the file for 24
        hours. Open only to the caller that requested it.

        `subCode`: ExportFailed, with the reason; ExportNotApproved if its change request was rejected or cancelled.
        """
        return self._answer(exportJobId)
