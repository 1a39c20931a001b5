"""The rows of proposed definitions, whose check against the stored documents is a job."""

from django.utils import translation

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from core.jobs import send_on_commit
from schemas.document_sources import documents_of
from schemas.models import SchemaDraft, SchemaVersion
from schemas.tasks import check_draft


def write_draft(*, actor: Actor, base: SchemaVersion, definition_text: str) -> SchemaDraft:
    """Create a draft whose check nobody has begun."""
    store = documents_of(base.schema.key)
    return SchemaDraft.objects.create(
        schema=base.schema,
        base=base,
        definition_text=definition_text,
        created_by_id=actor.user_id,
        created_by_name=actor.name[:300],
        language=translation.get_language() or "en",
        total=store.rows.order_by().count() if store else 0,
    )


def attach_draft(draft: SchemaDraft, change_request: ChangeRequest) -> None:
    """Let the reviewers of a request see what the draft would do."""
    draft.change_request = change_request
    draft.save(update_fields=["change_request"])


def check_for_review(*, actor: Actor, base: SchemaVersion, definition_text: str, change_request: ChangeRequest) -> None:
    """Have a worker check what was asked for without a draft."""
    draft = write_draft(actor=actor, base=base, definition_text=definition_text)
    attach_draft(draft, change_request)
    send_on_commit(check_draft, str(draft.pk))
