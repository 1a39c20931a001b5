"""What people say about a request, and the files that they attach to it."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from changerequests.models import triggers
from changerequests.models.requests import ChangeRequest


class RequestComment(models.Model):
    """A member's comment on a request. Append-only; anonymization empties the text."""

    request = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+", verbose_name=_("author"))
    text = models.TextField(_("comment"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["id"]
        triggers = triggers.OF_COMMENTS

    def __str__(self) -> str:
        return f"#{self.pk}"


def attachment_name(attachment: "RequestAttachment", filename: str) -> str:
    """Return a name that nobody can guess and no other upload can overwrite."""
    return f"attachments/{uuid4().hex}.{filename.rpartition('.')[2]}"


class RequestAttachment(models.Model):
    """A file that a member attached to a request as evidence. Append-only.

    `name` is the one that the uploader gave it. Anonymization deletes the file and empties both names; that there was
    one stays on record.
    """

    request = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="attachments")
    author = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+", verbose_name=_("author"))
    file = models.FileField(_("file"), upload_to=attachment_name, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    media_type = models.CharField(_("media type"), max_length=50)
    size = models.PositiveIntegerField(_("size"))
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["file"], condition=~Q(file=""), name="attachment_has_a_file_of_its_own"),
        ]
        triggers = triggers.OF_ATTACHMENTS

    def __str__(self) -> str:
        return f"#{self.pk}"
