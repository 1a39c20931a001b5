"""Callers (users, members, participants, client applications) and the stored responses of idempotent requests."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice
from oauth2_provider.models import AbstractApplication

from accounts import triggers
from accounts.names import LoginName, unique_name
from accounts.scopes import ALL_SCOPES
from accounts.sealing import opened
from accounts.tokens import end_tokens_of_users

STANDS_ABOVE = _("This member is already above its manager.")


class User(AbstractUser):
    """A login. Its rights follow from the member or contact that it belongs to.

    Sessions contain the hash below, so incrementing `session_generation` ends all existing sessions.
    """

    session_generation = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # The language of the last login, for mails; empty until then.
    language = models.CharField(max_length=10, blank=True, default="", db_default="", editable=False)

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_unique_ignoring_case",
                violation_error_message=_("A user with this name exists already."),
            )
        ]
        indexes = [models.Index(LoginName("username"), name="user_by_login_name")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the login. A new password ends the tokens from before, like the sessions, whose hashes contain it."""
        # Not by an upgrade of the hash, for which Django leaves no password here.
        has_new_password = vars(self).get("_password") is not None and not self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if has_new_password:
                end_tokens_of_users([self.pk])

    def get_session_auth_hash(self) -> str:
        return self._of_generation(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return map(self._of_generation, super().get_session_auth_fallback_hash())

    def _of_generation(self, session_hash: str) -> str:
        # Generation 0 leaves the hash as it was, so sessions from before generations existed remain valid.
        return f"{session_hash}.{self.session_generation}" if self.session_generation else session_hash


class Participant(models.Model):
    """An organisation inside the institution; data is segregated by participant."""

    name = models.CharField(_("name"), max_length=200, unique=True)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ["name"]
        triggers = [unique_name("accounts_participant", constraint="participant_name_unique")]

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A staff user. The managers form a tree, which a trigger enforces.

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
        """The display name; select the user along with the member."""
        return self.user.get_full_name() or self.user.username

    def clean(self) -> None:
        """Raise ValidationError if the manager is below this member."""
        above = self.manager
        while above is not None:
            if above.pk == self.pk:
                raise ValidationError({"manager": STANDS_ABOVE})
            above = above.manager


APPLICATION_NAME_TAKEN = "application_name_unique"


class ClientApplication(AbstractApplication):
    """An OAuth2 client: its allowed scopes, and the participants whose contacts it sees (none: all contacts).

    `owner` is the member who collects its secret, once, while `is_secret_due`; `secret_holder` is who collected the
    present one. The one before works until `previous_secret_until`. An application may sign with a key instead:
    `public_keys` has each JWK and the member who asked for it, who may have the private key.
    """

    allowed_scopes = models.TextField(_("allowed scopes"), blank=True, default=" ".join(ALL_SCOPES))
    participants = models.ManyToManyField(
        Participant, blank=True, related_name="applications", verbose_name=_("participants")
    )
    owner = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="owned_applications",
        verbose_name=_("owner"),
        db_index=False,
    )
    is_secret_due = models.BooleanField(_("a new secret"), default=False, db_default=False)
    secret_holder = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False, db_index=False
    )

    class Meta(AbstractApplication.Meta):
        abstract = False
        verbose_name = _("client application")
        verbose_name_plural = _("client applications")
        ordering = ["name"]
        triggers = [unique_name("accounts_clientapplication", constraint=APPLICATION_NAME_TAKEN)]

    secret_collected_at = models.DateTimeField(null=True, blank=True, editable=False)
    # A hash, like the secret.
    previous_secret = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    previous_holder = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False, db_index=False
    )
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    public_keys = models.JSONField(default=list, db_default=Value([], models.JSONField()), editable=False)
    carries_decisions = models.BooleanField(_("relays decisions"), default=False, db_default=False)

    def is_usable(self, request: Any) -> bool:
        """Whether it gets tokens: one without scopes is closed. The library asks."""
        return bool(self.allowed_scopes.strip())

    @property
    def is_public(self) -> bool:
        return self.client_type == self.CLIENT_PUBLIC

    @property
    def acts_for_people(self) -> bool:
        return self.authorization_grant_type == self.GRANT_AUTHORIZATION_CODE

    @property
    def has_previous_secret(self) -> bool:
        """Whether the secret before the present one works."""
        return self.previous_secret_until is not None and self.previous_secret_until > timezone.now()

    @property
    def secret_holders(self) -> frozenset[int]:
        """The members who know a secret or key that works, or did while tokens were issued that still work."""
        holders = {self.secret_holder_id, *(key["holder"] for key in self.public_keys)}
        lifetime = timedelta(seconds=settings.OAUTH2_PROVIDER["ACCESS_TOKEN_EXPIRE_SECONDS"])
        if self.previous_secret_until is not None and self.previous_secret_until + lifetime > timezone.now():
            holders.add(self.previous_holder_id)
        return frozenset(holders - {None})

    def clean(self) -> None:
        """Raise ValidationError for an unknown scope."""
        super().clean()
        unknown = sorted(set(self.allowed_scopes.split()) - set(ALL_SCOPES))
        if unknown:
            raise ValidationError({"allowed_scopes": _("Unknown: %(scopes)s") % {"scopes": " ".join(unknown)}})


class UsedAssertion(models.Model):
    """An assertion by which an application has authenticated itself: its id (`jti`), which counts once, as a hash."""

    application = models.ForeignKey(ClientApplication, on_delete=models.CASCADE, related_name="+")
    id_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["application", "id_hash"], name="assertion_once")]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.expires_at}"


class AuthorizationCode(models.Model):
    """What came of an authorization code: the family of its refresh tokens. Only the code's hash is stored.

    It outlives the code, so that a second use is known and ends what came of the first one. `confirmed_at` is when the
    person gave its second factor on the consent page, if it did.
    """

    code_hash = models.CharField(max_length=64, unique=True)
    application = models.ForeignKey(ClientApplication, on_delete=models.CASCADE, related_name="+")
    token_family = models.UUIDField(null=True, db_index=True)
    confirmed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.application_id}: {self.created_at}"


class IdempotencyRecord(models.Model):
    """The response to a request with an Idempotency-Key, to return it again for the same request.

    `caller` and `key` identify the request, `fingerprint` is a hash of its content, and `subject` is what the response
    is about, so that it can be erased. Only successes are stored: the status 422 says that the response was erased.
    """

    caller = models.CharField(max_length=60)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    subject = models.CharField(max_length=60, db_index=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        # The table's original name: the previous version still runs while a new one is deployed.
        db_table = "accounts_keptanswer"
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_per_caller_and_key")]

    def __str__(self) -> str:
        return f"{self.caller}: {self.status}"


class RecoveryCode(models.Model):
    """A single-use substitute for a login's second factor. Only its hash is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_once_per_user")]

    def __str__(self) -> str:
        return f"{self.user_id}"


class Authenticator(TOTPDevice):
    """The authenticator of a login, whose key is stored encrypted."""

    class Meta:
        proxy = True
        default_permissions = ()

    @property
    def bin_key(self) -> bytes:
        return opened(self.key, owner=self.user_id)


class ProviderIdentity(models.Model):
    """Who a user is at an identity provider: by this subject it logs in. Changes of the kind rights write it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=200)
    subject = models.CharField(max_length=255)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="identity_of_one_user")]

    def __str__(self) -> str:
        return f"{self.user_id}"


class ProviderGroup(models.Model):
    """A group at an identity provider whose people are in one of ours. Changes of the kind group rights write it."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="provider_groups")
    issuer = models.CharField(max_length=200)
    name = models.CharField(max_length=255)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["issuer", "name", "group"], name="provider_group_once_per_group")
        ]

    def __str__(self) -> str:
        return self.name


class ProviderSession(models.Model):
    """A session at an identity provider, by which it may say later that the user has logged out."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    issuer = models.CharField(max_length=200)
    sid = models.CharField(max_length=255)
    began_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["issuer", "sid"], name="provider_session_once")]

    def __str__(self) -> str:
        return f"{self.user_id}"


class LogoutToken(models.Model):
    """A logout token of an identity provider that was used already."""

    issuer = models.CharField(max_length=200)
    jti = models.CharField(max_length=255)
    received_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["issuer", "jti"], name="logout_token_once")]

    def __str__(self) -> str:
        return self.issuer


class Notice(models.Model):
    """A mail to a user: of rights given or taken, a lock taken away, a link to set its password, a secret, an alarm, or
    a webhook that was given up.

    Sent once; `is_due` until then, or until it is refused for good. A notice of rights names the subject of the change,
    its paths and its author; the mail contains no values. `paths` of an alarm about the ledger are what was found.
    """

    class Kind(models.TextChoices):
        RIGHTS_TAKEN = "rights-taken", _("Rights revoked")
        RIGHTS_GIVEN = "rights-given", _("Rights given at login")
        PASSWORD_LINK = "password-link", _("Link to set a password")
        SECRET_DUE = "secret-due", _("Secret to collect")
        GLASS_BROKEN = "glass-broken", _("Use of break glass")
        UNLOCKED = "unlocked", _("Login unlocked")
        WEBHOOK_GIVEN_UP = "webhook-given-up", _("Webhook stopped")
        LEDGER_CHANGED = "ledger-changed", _("Ledger changed")

    kind = models.CharField(max_length=20, choices=Kind)
    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    subject_kind = models.CharField(max_length=40, blank=True)
    subject_id = models.IntegerField(null=True, blank=True)
    paths = ArrayField(models.TextField(), default=list)
    author = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=10)
    created_at = models.DateTimeField(default=timezone.now)
    is_due = models.BooleanField(default=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["created_at"], condition=models.Q(is_due=True), name="notice_due")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.recipient_id}"
