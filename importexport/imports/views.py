"""API views: uploads, syncs and their status."""

from typing import ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import STAFF, Access
from accounts.views import ActorView
from core.errors import BadRequest
from importexport.imports import serializers as shapes
from importexport.imports.queries import duplicates_of, own_job, status_of
from importexport.imports.services import start_sync
from importexport.imports.uploads import store_uploads
from importexport.models import DuplicateMode, ImportKind
from importexport.permissions import MAY_IMPORT

SCOPE = "imports"
TAGS = ["ImportManagement"]
ACCESS = Access(SCOPE, STAFF, member_permission=MAY_IMPORT)
UPLOAD = {
    "multipart/form-data": {
        "type": "object",
        "properties": {"files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}},
        "required": ["files"],
    }
}
DRY_RUN = OpenApiParameter(
    "dryRun", bool, OpenApiParameter.QUERY, description="Do everything, and keep nothing but the status."
)

DUPLICATES = OpenApiParameter(
    "duplicates",
    {"type": "string", "enum": DuplicateMode.values, "default": DuplicateMode.IGNORE.value},
    OpenApiParameter.QUERY,
    description="What becomes of an entry that is probably the same person as another contact that the caller sees, or "
    "as an earlier entry.",
)


class _UploadView(ActorView):
    access = {"POST": ACCESS}
    parser_classes = [MultiPartParser]
    kind: ClassVar[ImportKind]

    def _upload(self, request: Request) -> Response:
        fields = set(request.data) - set(request.FILES)
        if fields:
            raise BadRequest(properties={name[:80]: [_("Expected a file.")] for name in sorted(fields)})
        uploads = [upload for name in request.FILES for upload in request.FILES.getlist(name)]
        if not uploads:
            raise BadRequest(properties={"files": [_("Send at least one file.")]})
        files = store_uploads(actor=self.actor, kind=self.kind, uploads=uploads)
        return Response({"files": [file.name for file in files]}, status=status.HTTP_201_CREATED)


class ContactsUploadView(_UploadView):
    kind = ImportKind.CONTACTS

    @extend_schema(operation_id="importContacts", tags=TAGS, request=UPLOAD, responses={201: shapes.UploadedSerializer})
    def post(self, request: Request) -> Response:
        """Upload files of contacts.

        Every file part of the form is accepted under any name: a JSON array of entries, or one entry per line, in
        UTF-8 (or UTF-16 with a byte order mark), optionally gzipped. The outer structure of each file is checked in
        full, and either all files are stored or none. Uploading does not change any contacts: sync the files
        afterwards.

        `subCode`: ImportFileInvalid.
        """
        return self._upload(request)


class LegalEntitiesUploadView(_UploadView):
    kind = ImportKind.LEGAL_ENTITIES

    @extend_schema(
        operation_id="importLegalEntities", tags=TAGS, request=UPLOAD, responses={201: shapes.UploadedSerializer}
    )
    def post(self, request: Request) -> Response:
        """Upload files of legal entities.

        Files are checked and stored like those of contacts.

        `subCode`: ImportFileInvalid.
        """
        return self._upload(request)


class _SyncView(ActorView):
    access = {"POST": ACCESS}
    query_parameters = frozenset({"dryRun"})
    query_shape: ClassVar[type[shapes.SyncQuerySerializer]] = shapes.SyncQuerySerializer
    kind: ClassVar[ImportKind]

    def _sync(self) -> Response:
        asked = self.query(self.query_shape)
        names = self.body(shapes.SyncSerializer)["files"]
        job = start_sync(
            actor=self.actor,
            kind=self.kind,
            names=names,
            is_dry_run=asked["dryRun"],
            duplicates=asked.get("duplicates", DuplicateMode.IGNORE),
        )
        return Response({"statusId": job.pk}, status=status.HTTP_202_ACCEPTED)


class ContactsSyncView(_SyncView):
    kind = ImportKind.CONTACTS
    query_parameters = frozenset({"dryRun", "duplicates"})
    query_shape = shapes.ContactsSyncQuerySerializer

    @extend_schema(
        operation_id="syncContacts",
        tags=TAGS,
        parameters=[DRY_RUN, DUPLICATES],
        request=shapes.SyncSerializer,
        responses={202: shapes.SyncStartedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Sync uploaded contacts.

        Imports the caller's unsynced uploads in upload order, or the named files in the given order. Each entry creates
        a contact, or updates the contact with its externalId in the system `Default`. Absent properties stay unchanged,
        and an entry that changes nothing writes nothing. Invalid entries are reported by the status and do not stop the
        others. Details that a member may not change without approval wait: when the sync has ended, one change request
        asks for all of them. If several entries have the same externalId, the last one counts.

        With `duplicates=report`, `GET /v1.0/import/sync/{statusId}/duplicates` lists the imported entries that are
        probably the same person as another contact which the caller sees, or as an earlier entry; with `refuse`, such
        entries fail.

        The files of a failed sync can be synced again; the sync resumes where it stopped.

        `subCode`: NothingToSync, UnknownImportFiles, AlreadySynced.
        """
        return self._sync()


class LegalEntitiesSyncView(_SyncView):
    kind = ImportKind.LEGAL_ENTITIES

    @extend_schema(
        operation_id="syncLegalEntities",
        tags=TAGS,
        parameters=[DRY_RUN],
        request=shapes.SyncSerializer,
        responses={202: shapes.SyncStartedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Sync uploaded legal entities.

        Works like the sync of contacts, also in what is pending approval; an entry updates the legal entity with its
        externalId. Contacts that the entries refer to must be synced first.

        `subCode`: NothingToSync, UnknownImportFiles, AlreadySynced.
        """
        return self._sync()


class SyncStatusView(ActorView):
    access = {"GET": Access(SCOPE, STAFF)}

    @extend_schema(operation_id="getSyncStatus", tags=TAGS, responses={200: shapes.SyncStatusSerializer})
    def get(self, request: Request, statusId: UUID) -> Response:
        """Retrieve the status of a sync.

        Open only to the caller that started it. The counts always add up to `processed`, which equals `total` when the
        sync has completed. `errorMessage` gives the reason of a failed sync, or the number of failed entries.
        """
        return Response(status_of(own_job(actor=self.actor, status_id=statusId)))


class SyncDuplicatesView(ActorView):
    access = {"GET": Access(SCOPE, STAFF)}

    @extend_schema(operation_id="getSyncDuplicates", tags=TAGS, responses={200: shapes.SyncDuplicatesSerializer})
    def get(self, request: Request, statusId: UUID) -> Response:
        """List the imported entries of a sync that are probably the same person as another contact.

        Open only to the caller that started it, with `duplicates=report`; otherwise the list is empty. It grows until
        the sync has ended.
        """
        return Response(duplicates_of(own_job(actor=self.actor, status_id=statusId)))
