"""Change requests and the subjects that they are about."""

from collections.abc import Collection, Iterable
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.actor import Actor
from accounts.models import ClientApplication, Member
from audit.models import Entry
from changerequests.kinds import RequestKind, SubjectView, all_kinds, request_kind
from changerequests.models import triggers

if TYPE_CHECKING:
    from changerequests.models.claims import RequestAssignment, RequestClaim

# What requests were about before there were other kinds.
CONTACT_DETAILS = "contact-details"
ONE_OPEN_REQUEST = "one_open_request_per_subject"


def new_salt() -> str:
    return token_hex(16)


class Status(models.IntegerChoices):
    PENDING = 1, _("Pending")
    APPROVED = 2, _("Approved")
    REJECTED = 3, _("Rejected")
    CANCELLED = 4, _("Cancelled")
    RETURNED = 5, _("Returned")


class Source(models.TextChoices):
    """What made a request about many subjects. It is then what people call the request's kind."""

    IMPORT = "import", _("Import")


# Not decided yet. A subject has at most one request of a kind in these.
OPEN = (Status.PENDING, Status.RETURNED)


class ChangeRequestQuerySet(models.QuerySet["ChangeRequest"]):
    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def of_kind(self, key: str) -> Self:
        return self.filter(kind=key)

    def of_shown_kinds(self, keys: Iterable[str]) -> Self:
        """Return the requests of these kinds as people know them (`ChangeRequest.shown_kind`)."""
        keys = set(keys)
        sources = keys.intersection(Source.values)
        of_kinds = Q(source="", kind__in=keys - sources)
        # An OR would keep the usual case from its index.
        return self.filter(of_kinds | Q(source__in=sources) if sources else of_kinds)

    def visible_to(self, actor: Actor, *, kinds: Collection[RequestKind] | None = None) -> Self:
        """Return the requests whose subjects the actor can see, every one of them: of all kinds, or only of these."""
        sights: dict[object, list[RequestKind]] = {}
        for kind in all_kinds() if kinds is None else kinds:
            sights.setdefault(kind.sight or kind.seen_with or kind.key, []).append(kind)
        conditions = [(kinds, kinds[0].visible(actor)) for kinds in sights.values()]
        limited = [(kinds, condition) for kinds, condition in conditions if condition is not None]
        if not limited:
            return self
        # The kinds of which it sees all in one list: with few conditions, statements are compiled and planned faster.
        seen = Q(kind__in=[kind.key for kinds, condition in conditions if condition is None for kind in kinds])
        for kinds, condition in limited:
            if kinds[0].seen_with:
                sees_all = condition
            elif kinds[0].has_subjects_beside:
                sees_all = ~Q(Exists(_hidden_subjects(condition)))
            else:
                sees_all = _sees_all_subjects(condition)
            seen |= Q(kind__in=[kind.key for kind in kinds]) & sees_all
        return self.filter(seen)

    def with_people(self) -> Self:
        """Select the initiator and the reviewer, for lists and pages that show them."""
        return self.select_related("initiator_member__user", "initiator_application", "review_member__user")

    def with_claims(self) -> Self:
        """Select who has claimed it, and to whom it is assigned."""
        return self.select_related("claim__member__user", "assignment__member__user", "assignment__assigned_by__user")

    def as_row(self, *, with_claims: bool = False) -> Self:
        """Like `with_people`, with only the columns that a list row shows."""
        own = ("uid", "kind", "source", "subject_id", "status", "created_at", "initiator_comment", "initiator_system")
        review = ("reviewed_at", "review_comment", "due_at", "revision_number", "paths")
        rows, members, others = (
            self.with_people(),
            ["initiator_member", "review_member"],
            ["initiator_application__name"],
        )
        if with_claims:
            rows = rows.select_related("claim__member__user")
            members.append("claim__member")
            others.append("claim__until")
        columns = ("uid", "user__username", "user__first_name", "user__last_name")
        people = [f"{member}__{column}" for member in members for column in columns]
        return rows.only(*own, *review, *people, *others)


def _sees_all_subjects(condition: Q) -> Q:
    """Turn a condition on `subject_id` into one on requests, some of which have several subjects and no column."""
    return condition | Q(subject_id__isnull=True) & ~Q(Exists(_hidden_subjects(condition)))


def _hidden_subjects(condition: Q) -> QuerySet["RequestSubject"]:
    return RequestSubject.objects.filter(request=OuterRef("pk")).exclude(condition)


class ChangeRequest(models.Model):
    """Changes that one actor requests and others decide. Requests are never deleted.

    What is asked for is in the proposals of the current revision, `revision_number`. `kind` is that of the subjects;
    `source` is what brought many of them together, if anything did. `subject_id` is null if there are several, or a
    source. `stage`, `reviewers` and `due_at` describe the stage that the request waits in; `remind_at` is when its
    reviewers are reminded, null once they were, and `escalated_to` the group whose members may decide, too, because it
    is overdue. `reviewed_at`, `review_member` and `review_comment` are those of the decision that closed or returned
    it.

    `about_member` is the member whose rights or login the request is about, or who owns the application that asked; it
    may not decide it. Nor may those of `excluded_member_ids`, who could act as an application with a secret that they
    had collected: the one that asked, or the one that the request is about.

    `paths` contains the changed paths and all their ancestors, so that a search for a path also finds changes below it.
    """

    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=40, db_default=CONTACT_DETAILS)
    source = models.CharField(_("source"), max_length=20, choices=Source, blank=True, default="", db_default="")
    subject_id = models.IntegerField(_("subject"), null=True, blank=True)
    status = models.PositiveSmallIntegerField(_("status"), choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    initiator_member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="initiated_requests",
        verbose_name=_("initiator"),
    )
    initiator_application = models.ForeignKey(
        ClientApplication, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    initiator_system = models.CharField(_("system"), max_length=50, blank=True, default="", db_default="")
    initiator_comment = models.TextField(_("comment of the initiator"), null=True, blank=True)
    about_member = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    excluded_member_ids = ArrayField(models.IntegerField(), default=list, db_default=[], editable=False)
    revision_number = models.PositiveSmallIntegerField(_("revision"), default=1, db_default=1)
    stage = models.PositiveSmallIntegerField(_("stage"), default=0, db_default=0)
    reviewers = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reviewers")
    )
    remind_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    escalated_to = models.ForeignKey(
        Group,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("escalated to"),
    )
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
    paths = ArrayField(models.TextField())
    digest_salt = models.CharField(max_length=32, default=new_salt, db_default="")
    language = models.CharField(_("language"), max_length=10, default="en", db_default="en")
    is_outcome_due = models.BooleanField(_("outcome due"), default=False, db_default=False)
    outcome_claimed_at = models.DateTimeField(null=True, blank=True)
    outcome_refused_at = models.DateTimeField(null=True, blank=True)

    objects = ChangeRequestQuerySet.as_manager()

    # Set by `changerequests.queries.subjects`, for pages and lists.
    subject: SubjectView
    subject_count: int | None = None
    changes: list[dict[str, Any]]

    class Meta:
        verbose_name = _("change request")
        verbose_name_plural = _("change requests")
        ordering = ["-id"]
        permissions = [("review_changerequest", gettext_noop("Can review change requests"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(review_member__isnull=True) | ~Q(review_member=F("initiator_member")),
                name="reviewer_is_not_initiator",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status=Status.PENDING, review_member=None, reviewed_at=None)
                    | Q(
                        status__in=[Status.APPROVED, Status.REJECTED, Status.RETURNED],
                        review_member__isnull=False,
                        reviewed_at__isnull=False,
                    )
                    | Q(status=Status.CANCELLED)
                ),
                name="decided_requests_name_who_decided",
            ),
            models.CheckConstraint(
                condition=(
                    Q(initiator_member__isnull=False, initiator_application=None, initiator_system="")
                    | Q(initiator_member=None, initiator_application__isnull=False, initiator_system="")
                    | Q(initiator_member=None, initiator_application=None) & ~Q(initiator_system="")
                ),
                name="request_has_one_initiator",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-created_at", "-id"], name="request_by_status"),
            models.Index(fields=["kind", "subject_id", "-created_at", "-id"], name="request_by_subject"),
            models.Index(fields=["kind", "-created_at", "-id"], name="request_by_kind"),
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
            models.Index(
                fields=["remind_at"],
                condition=Q(status=Status.PENDING, remind_at__isnull=False),
                name="request_to_remind_of",
            ),
            models.Index(
                fields=["initiator_member", "status", "-reviewed_at"],
                condition=Q(status__in=[Status.REJECTED, Status.RETURNED]),
                name="request_that_came_back",
            ),
            models.Index(
                fields=["due_at"],
                condition=Q(status=Status.PENDING, due_at__isnull=False, escalated_to=None),
                name="request_to_escalate",
            ),
            GinIndex(fields=["paths"], name="request_by_path", fastupdate=False),
        ]
        triggers = triggers.OF_REQUESTS

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_pending(self) -> bool:
        return self.status == Status.PENDING

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def live_claim(self) -> "RequestClaim | None":
        """The claim of the member who has a pending request open now; None if nobody has."""
        claim: RequestClaim | None = getattr(self, "claim", None)
        return claim if claim is not None and self.is_pending and claim.until > timezone.now() else None

    @property
    def present_assignment(self) -> "RequestAssignment | None":
        """The assignment of an open request; None if there is none."""
        return getattr(self, "assignment", None) if self.is_open else None

    @property
    def shown_kind(self) -> str:
        """The key of the kind as people know it: of an import, `import`."""
        return self.source or self.kind

    @property
    def kind_label(self) -> str:
        label = str(request_kind(self.kind).label)
        return f"{self.get_source_display()} ({label})" if self.source else label

    @property
    def is_creation(self) -> bool:
        """Whether its subjects do not exist before the approval."""
        return request_kind(self.kind).is_creation

    @property
    def initiator_columns(self) -> dict[str, Any]:
        """The initiator, in the columns of a ledger entry (`audit.entries.initiator_columns`)."""
        return {
            "initiator_member_id": self.initiator_member_id,
            "initiator_contact_id": None,
            "initiator_application_id": self.initiator_application_id,
            "initiator_system": self.initiator_system,
        }

    def is_asked_by(self, actor: Actor) -> bool:
        """Return whether the actor is the initiator. Nobody is that of what a command or job asks for."""
        if actor.application_id is not None:
            return self.initiator_application_id == actor.application_id
        return actor.member_id is not None and self.initiator_member_id == actor.member_id

    @property
    def initiator_name(self) -> str:
        if self.initiator_member is not None:
            return self.initiator_member.name
        return self.initiator_application.name if self.initiator_application else self.initiator_system


class RequestSubject(models.Model):
    """Joins a request to a row that it is about. At most one open request per kind and subject.

    Of a request about many subjects, `outcome` says what became of each once the request was approved.
    """

    class Outcome(models.TextChoices):
        APPLIED = "applied", _("Applied")
        OUTDATED = "outdated", _("Outdated")
        REFUSED = "refused", _("Refused")
        EXCLUDED = "excluded", _("Excluded")

    request = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="subjects", db_index=False)
    kind = models.CharField(_("kind"), max_length=40)
    subject_id = models.IntegerField(_("subject"))
    is_open = models.BooleanField(_("open"), default=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True, default="")
    message = models.TextField(_("message"), blank=True, default="")

    class Meta:
        verbose_name = _("subject")
        verbose_name_plural = _("subjects")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], condition=Q(is_open=True), name=ONE_OPEN_REQUEST),
            models.UniqueConstraint(fields=["request", "kind", "subject_id"], name="subject_once_per_request"),
        ]
        indexes = [models.Index(fields=["kind", "subject_id", "request"], name="request_subject_by_subject")]
        triggers = triggers.OF_SUBJECTS

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


class EntryOfRequest(Entry):
    """A ledger entry, with the rules about the request that it names."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = triggers.OF_ENTRIES
