"""Who may call: users, members, participants and client applications; and what they were answered."""

from collections.abc import Iterator
from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from accounts import triggers
from accounts.scopes import ALL_SCOPES

STANDS_ABOVE = _("This member stands above its manager already.")


class User(AbstractUser):
    """A login. What it may see and do follows from the member or the contact that it belongs to.

    Sessions hold the hash below. When `session_generation` goes up, those from before are over.
    """

    session_generation = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_unique_ignoring_case",
                violation_error_message=_("A user with this name exists already."),
            )
        ]

    def get_session_auth_hash(self) -> str:
        return self._of_generation(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return map(self._of_generation, super().get_session_auth_fallback_hash())

    def _of_generation(self, session_hash: str) -> str:
        # The sessions of before there were generations go on.
        return f"{session_hash}.{self.session_generation}" if self.session_generation else session_hash


class Participant(models.Model):
    """An organisation inside the institution; data is segregated by it."""

    name = models.CharField(_("name"), max_length=200, unique=True)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A staff user. Managers make the members a tree, which a trigger holds too.

    `uid` is the identity id that other systems know.
    """

    uid = models.UUIDField(_("identity id"), default=uuid4, unique=True, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="member", verbose_name=_("user"))
    manager = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reports", verbose_name=_("manager")
    )
    participants = models.ManyToManyField(
        Participant, blank=True, related_name="members", verbose_name=_("participants")
    )
    sees_all_contacts = models.BooleanField(_("sees all contacts"), default=False)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(manager=models.F("id")),
                name="member_is_not_its_own_manager",
                violation_error_message=_("A member cannot be its own manager."),
            )
        ]
        triggers = triggers.OF_MEMBERS

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name that others see; the user must have been selected with the member."""
        return self.user.get_full_name() or self.user.username

    def clean(self) -> None:
        """Raises ValidationError when the manager stands below this member: the members are a tree."""
        above = self.manager
        while above is not None:
            if above.pk == self.pk:
                raise ValidationError({"manager": STANDS_ABOVE})
            above = above.manager


class ClientApplication(AbstractApplication):
    """An OAuth2 client: the scopes that it may ask for, and the participants whose contacts it sees (none: all)."""

    allowed_scopes = models.TextField(_("allowed scopes"), blank=True, default=" ".join(ALL_SCOPES))
    participants = models.ManyToManyField(
        Participant, blank=True, related_name="applications", verbose_name=_("participants")
    )

    class Meta(AbstractApplication.Meta):
        abstract = False
        verbose_name = _("client application")
        verbose_name_plural = _("client applications")
        ordering = ["name"]

    def clean(self) -> None:
        """Raises ValidationError for a scope that does not exist."""
        super().clean()
        unknown = sorted(set(self.allowed_scopes.split()) - set(ALL_SCOPES))
        if unknown:
            raise ValidationError({"allowed_scopes": _("Unknown: %(scopes)s") % {"scopes": " ".join(unknown)}})


class IdempotencyRecord(models.Model):
    """The answer to a request with an Idempotency-Key, so that the same request again gets the same answer.

    `caller` and `key` name the request, `fingerprint` is a hash of what it asked for, `subject` names whom the answer
    is about, so that it can be erased.
    """

    caller = models.CharField(max_length=60)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    subject = models.CharField(max_length=60, db_index=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        # The name that the table has always had: an older version still runs while a newer one is installed.
        db_table = "accounts_keptanswer"
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_per_caller_and_key")]

    def __str__(self) -> str:
        return f"{self.caller}: {self.status}"


class RecoveryCode(models.Model):
    """A code that stands in for the second factor of a login, once. Only its hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_once_per_user")]

    def __str__(self) -> str:
        return f"{self.user_id}"
