"""Change requests: submissions that wait for review, or were approved, rejected or cancelled."""

from typing import Self
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.actor import Actor
from accounts.models import Member
from audit.models import Entry
from changerequests import triggers
from changerequests.kinds import request_kind
from core.documents import Change


class Status(models.IntegerChoices):
    PENDING = 1, _("Pending")
    APPROVED = 2, _("Approved")
    REJECTED = 3, _("Rejected")
    CANCELLED = 4, _("Cancelled")


class ChangeRequestQuerySet(models.QuerySet["ChangeRequest"]):
    def visible_to(self, actor: Actor, *, exclude_hierarchy: bool = False) -> Self:
        """Return the requests about subjects that the actor can see."""
        return request_kind().visible(self, actor, exclude_hierarchy=exclude_hierarchy)  # type: ignore[return-value]

    def with_people(self) -> Self:
        """Select the subject's name and both members, for lists and pages that show them."""
        return self.select_related("subject", "initiator_member__user", "review_member__user").defer("subject__details")

    def as_row(self) -> Self:
        """Like `with_people`, with only the columns that a list row shows and without the changes."""
        own = ("uid", "status", "created_at", "initiator_comment", "reviewed_at", "review_comment")
        people = [
            f"{member}__{column}"
            for member in ("initiator_member", "review_member")
            for column in ("uid", "user__username", "user__first_name", "user__last_name")
        ]
        return self.with_people().defer(None).only(*own, "subject__uid", "subject__name", *people)


class ChangeRequest(models.Model):
    """Changes that one member requests and another decides. Requests are never deleted.

    `changes` is a list of `{"path", "original", "target", "isApprovalRequired"}`. `paths` contains those paths and all
    their ancestors, so that a search for a path also finds changes below it.
    """

    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    # A string, because the apps of subjects are above this one.
    subject = models.ForeignKey(
        "contacts.Contact",
        on_delete=models.PROTECT,
        db_column="contact_id",
        related_name="change_requests",
        verbose_name=_("contact"),
    )
    status = models.PositiveSmallIntegerField(_("status"), choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    initiator_member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="initiated_requests", verbose_name=_("initiator")
    )
    initiator_comment = models.TextField(_("comment of the initiator"), null=True, blank=True)
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)
    review_member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reviewed_requests",
        verbose_name=_("reviewer"),
    )
    review_comment = models.TextField(_("comment of the reviewer"), null=True, blank=True)
    changes = models.JSONField(_("changes"))
    paths = ArrayField(models.TextField())
    language = models.CharField(_("language"), max_length=10, default="en", db_default="en")
    is_outcome_due = models.BooleanField(_("outcome due"), default=False, db_default=False)
    outcome_claimed_at = models.DateTimeField(null=True, blank=True)

    objects = ChangeRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("change request")
        verbose_name_plural = _("change requests")
        ordering = ["-id"]
        permissions = [("review_changerequest", gettext_noop("Can review change requests"))]
        constraints = [
            models.UniqueConstraint(
                fields=["subject"], condition=Q(status=Status.PENDING), name="one_pending_request_per_contact"
            ),
            models.CheckConstraint(
                condition=Q(review_member__isnull=True) | ~Q(review_member=F("initiator_member")),
                name="reviewer_is_not_initiator",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status__in=[Status.PENDING, Status.CANCELLED], review_member=None, reviewed_at=None)
                    | Q(
                        status__in=[Status.APPROVED, Status.REJECTED],
                        review_member__isnull=False,
                        reviewed_at__isnull=False,
                    )
                ),
                name="decided_requests_name_their_reviewer",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-created_at", "-id"], name="request_by_status"),
            models.Index(fields=["subject", "-created_at", "-id"], name="request_by_contact"),
            models.Index(fields=["-created_at", "-id"], name="request_latest_first"),
            models.Index(fields=["reviewed_at"], condition=Q(is_outcome_due=True), name="request_outcome_due"),
            models.Index(
                fields=["initiator_member", "created_at", "id"],
                condition=Q(status=Status.PENDING),
                name="pending_request_by_initiator",
            ),
            models.Index(
                fields=["status", "-reviewed_at"], condition=Q(reviewed_at__isnull=False), name="request_latest_decided"
            ),
            GinIndex(fields=["paths"], name="request_by_path", fastupdate=False),
        ]
        triggers = triggers.OF_REQUESTS

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def proposed(self) -> list[Change]:
        """The requested changes."""
        return [Change(change["path"], change["original"], change["target"]) for change in self.changes]

    @property
    def is_pending(self) -> bool:
        return self.status == Status.PENDING


class EntryOfRequest(Entry):
    """A ledger entry, with the rules about the request that it names."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = triggers.OF_ENTRIES
