"""Drafts: a definition is first checked against the stored documents and then published."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.documents import is_same
from core.errors import NotFound, UnprocessableEntity
from core.jobs import send_on_commit
from schemas.checking import run_check
from schemas.models import CheckStatus, SchemaDraft, SchemaVersion
from schemas.queries import draft_schema
from schemas.services.impact import write_draft
from schemas.services.schemas import publish_schema
from schemas.tasks import check_draft

# As many documents are checked while somebody waits; more of them by a worker.
CHECKED_AT_ONCE = 2_000


def create_draft(*, actor: Actor, key: str, definition_text: str, base_version_id: int) -> SchemaDraft:
    """Create a draft and check the stored documents against it.

    Up to CHECKED_AT_ONCE documents are checked before this returns; more are checked by a worker, which records its
    progress in the draft. Raises NotFound for an unknown key or base; UnprocessableEntity: `SchemaInvalid` with all
    faults by place, or without a sub code if the definition equals its base.
    """
    schema = draft_schema(key=key, definition_text=definition_text)
    base = SchemaVersion.objects.select_related("schema").filter(schema=schema.schema_id, pk=base_version_id).first()
    if base is None:
        raise NotFound(_("There is no such version."))
    if is_same(schema.definition_json, base.definition):
        raise UnprocessableEntity(_("This is identical to the published version: there is nothing to publish."))
    with transaction.atomic():
        draft = write_draft(actor=actor, base=base, definition_text=definition_text)
        is_small = (draft.total or 0) <= CHECKED_AT_ONCE
        if not is_small:
            send_on_commit(check_draft, str(draft.pk))
    if is_small:
        run_check(draft.pk)
        draft.refresh_from_db()
    return draft


@transaction.atomic
def publish_draft(*, actor: Actor, draft_id: UUID, accepts_violations: bool = False) -> SchemaDraft:
    """Publish a draft, or ask for it where the policy says so. Locks the draft's row, then the schema's.

    Of what waits, `change_request` is the request. Raises NotFound for an unknown draft; UnprocessableEntity if it was
    already published or its check is not complete, `ViolationsNotAccepted` if documents that are valid under the base
    would become invalid, and what `publish_schema` raises: `ConcurrencyTokenMismatch` if the base is no longer current.
    Errors leave the draft unchanged.
    """
    draft = SchemaDraft.objects.select_for_update(of=("self",)).select_related("schema").filter(pk=draft_id).first()
    if draft is None:
        raise NotFound(_("There is no such draft."))
    if draft.published_version_id is not None:
        raise UnprocessableEntity(_("This draft was published already."))
    if draft.status != CheckStatus.COMPLETED:
        raise UnprocessableEntity(_("The stored documents have not been checked against this draft yet."))
    if draft.newly_violating and not accepts_violations:
        raise UnprocessableEntity(
            _("Stored documents would violate this version. Confirm that you accept it."),
            sub_code="ViolationsNotAccepted",
        )
    publication = publish_schema(
        actor=actor,
        key=draft.schema.key,
        definition_text=draft.definition_text,
        concurrency_token=draft.base_id,
        draft=draft,
    )
    if publication.change_request is None:
        draft.published_version = publication.schema.current_version
        draft.save(update_fields=["published_version"])
    return draft
