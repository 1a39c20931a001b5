"""Comments on a request and files attached to it, while it is open: a closed one is not added to.

The request is locked, so that anonymization, which closes it, finds whatever was added.
"""

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.attachments import file_type, shown_name
from changerequests.models import ChangeRequest, Notification, RequestAttachment, RequestComment
from changerequests.models.conversation import attachment_name
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.notifications import who_took_part
from changerequests.queries.sight import seen_request
from changerequests.services.checks import check_open
from changerequests.services.locks import locked_request
from changerequests.services.notifications import notify
from core.errors import Forbidden, UnprocessableEntity
from core.stored_files import keep_files, storage_reached, storing
from core.text import normalized


@transaction.atomic
def add_comment(*, actor: Actor, change_request_id: int, text: str) -> RequestComment:
    """Add a member's comment to an open request that it sees, in the one form of text. Locks the request.

    Notifies the others who took part.

    Raises NotFound; UnprocessableEntity: `ChangeRequestNotPending`, `TextInvisible` for a text of nothing visible.
    """
    text = normalized(text)
    if not text:
        message = _("The text has no visible character.")
        raise UnprocessableEntity(message, sub_code="TextInvisible", properties={"text": [message]})
    seen_request(actor=actor, change_request_id=change_request_id)
    request = locked_request(change_request_id)
    check_open(request)
    comment = RequestComment.objects.create(request=request, author_id=actor.member_id or 0, text=text)
    others = who_took_part(request) - {comment.author_id}
    notify(members=others, request=request, event=Notification.Event.COMMENTED)
    return RequestComment.objects.select_related("author__user").get(pk=comment.pk)


def may_attach(actor: Actor, request: ChangeRequest) -> bool:
    """Return whether the actor may attach files to a request that it sees."""
    return request.is_asked_by(actor) or actor.has_perm(REVIEW_PERMISSION)


def add_attachment(*, actor: Actor, change_request_id: int, name: str, content: bytes) -> RequestAttachment:
    """Store a file with an open request: its initiator may, and reviewers who see it. Locks the request.

    Raises NotFound; Forbidden `NotAReviewer`; UnprocessableEntity: `ChangeRequestNotPending`, `AttachmentTooLarge`,
    `AttachmentInvalid`; ServiceUnavailable if the storage fails.
    """
    # Checked first, so that no file is stored in vain.
    seen, _sight = seen_request(actor=actor, change_request_id=change_request_id)
    if not may_attach(actor, seen):
        raise Forbidden(_("Only the initiator and reviewers may attach files."), sub_code="NotAReviewer")
    check_open(seen)
    kind = file_type(content)
    attachment = RequestAttachment(
        request=seen,
        author_id=actor.member_id or 0,
        name=shown_name(name, kind),
        media_type=kind.media_type,
        size=len(content),
    )
    attachment.file = attachment_name(attachment, f"file.{kind.extension}")
    stored = str(attachment.file.name)
    with storing(stored):
        # Uploaded before the request is locked, because the storage may be slow.
        with storage_reached():
            default_storage.save(stored, ContentFile(content))
        with transaction.atomic():
            check_open(locked_request(change_request_id))
            attachment.save(force_insert=True)
            keep_files(stored)
    return RequestAttachment.objects.select_related("author__user").get(pk=attachment.pk)
