"""What a request asks for, in each of its revisions, and the stages that each has to pass."""

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from changerequests.models import triggers
from changerequests.models.requests import ChangeRequest, RequestSubject
from core.database_defaults import FilledByDatabase
from core.documents import Change


class RevisionReason(models.TextChoices):
    SUBMITTED = "submitted", _("Submitted")
    AMENDED = "amended", _("Amended")
    STRUCK = "struck", _("Partly removed")
    REBASED = "rebased", _("Requested again on newer values")


class Revision(FilledByDatabase):
    """One wording of a request. Decisions are about a revision: a new one starts without any.

    `author` is the initiator, or the reviewer who struck paths; null if no member made the request. `policy_version` is
    that of the policies at the time.
    """

    request = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="revisions", db_index=False)
    number = models.PositiveSmallIntegerField(_("revision"))
    reason = models.CharField(_("reason"), max_length=10, choices=RevisionReason)
    author = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    comment = models.TextField(_("comment"), null=True, blank=True)
    policy_version = models.PositiveIntegerField(_("version of the policies"))
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering = ["request", "number"]
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="revision_once_per_request")]
        triggers = triggers.OF_REVISIONS

    def __str__(self) -> str:
        return f"#{self.request_id}.{self.number}"


class Proposal(models.Model):
    """The changes that a revision proposes for one subject.

    `changes` is a list of `{"path", "original", "target", "isApprovalRequired"}`.
    """

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="proposals", db_index=False)
    subject = models.ForeignKey(RequestSubject, on_delete=models.PROTECT, related_name="proposals")
    changes = models.JSONField(_("changes"))

    class Meta:
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "subject"], name="proposal_once_per_revision_and_subject")
        ]
        triggers = triggers.OF_PROPOSALS

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def proposed(self) -> list[Change]:
        return proposed_changes(self.changes)


def proposal_json(changes: Iterable[Change], *, required_paths: Collection[str]) -> list[dict[str, Any]]:
    """Return `Proposal.changes` for changes of which those at `required_paths` require approval."""
    return [{**change.as_json(), "isApprovalRequired": change.path in required_paths} for change in changes]


def proposed_changes(changes: list[dict[str, object]]) -> list[Change]:
    """Return the changes of a proposal."""
    return [Change(str(change["path"]), change["original"], change["target"]) for change in changes]


class RequestStage(models.Model):
    """A stage that a revision has to pass, as its policy said when the revision was made."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="stages", db_index=False)
    position = models.PositiveSmallIntegerField(_("position"))
    name = models.CharField(_("stage"), max_length=100)
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reviewers")
    )
    approvals = models.PositiveSmallIntegerField(_("approvals needed"))
    hours = models.PositiveSmallIntegerField(_("hours until due"), null=True, blank=True)
    escalates_to = models.ForeignKey(
        Group,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("escalates to"),
    )
    is_evidence_required = models.BooleanField(_("file required"), default=False, db_default=False)

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        ordering = ["revision", "position"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "position"], name="stage_position_once_per_revision"),
            models.CheckConstraint(condition=models.Q(approvals__gte=1), name="stage_needs_an_approval"),
        ]
        triggers = triggers.OF_STAGES

    def __str__(self) -> str:
        return self.name
