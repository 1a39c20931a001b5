"""Webhooks, and what was sent to them."""

from datetime import datetime
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApplication
from events.models.events import MAX_TYPE, Event
from events.retries import RETRIED_FOR

MAX_URL = 2_000


class Webhook(models.Model):
    """An address to which an application has its events sent.

    Application, address, types, `is_active` and `is_removed` are configuration; the rest is the state of delivery.
    Nothing is sent before the application has asked for the secret. `position` is that of the last event that was sent
    or is kept as a delivery to be tried again. While the receiver fails, `failing_since` says since when; it is tried
    again at `next_attempt_at`, and no more once `stopped_at` is set. A worker delivers until `claimed_until`.
    """

    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    application = models.ForeignKey(
        ClientApplication, on_delete=models.PROTECT, related_name="webhooks", verbose_name=_("application")
    )
    url = models.CharField(_("URL"), max_length=MAX_URL)
    types = ArrayField(
        models.CharField(max_length=MAX_TYPE),
        verbose_name=_("types of events"),
        null=True,
        blank=True,
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_removed = models.BooleanField(_("removed"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    secret = models.CharField(max_length=200, blank=True, editable=False)
    previous_secret = models.CharField(max_length=200, blank=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    position = models.BigIntegerField(_("last position"), default=0, editable=False)
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True, editable=False)
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["-id"]
        # Nobody deletes one: what was sent stays in its log.
        default_permissions = ("view", "add", "change")
        indexes = [models.Index(fields=["application"], condition=models.Q(is_removed=False), name="webhook_in_use")]

    def __str__(self) -> str:
        return self.url

    @property
    def is_delivering(self) -> bool:
        return self.is_active and not self.is_removed and self.stopped_at is None


class Delivery(models.Model):
    """An event that was sent to a webhook, or that has to be sent again. A test has no event."""

    class Status(models.TextChoices):
        PENDING = "Pending", _("Pending")
        DELIVERED = "Delivered", _("Delivered")
        GIVEN_UP = "GivenUp", _("Stopped")

    class Error(models.TextChoices):
        """Why there was no answer."""

        PRIVATE_NETWORK = "PrivateNetwork", _("The address is inside a private network.")
        TIMEOUT = "Timeout", _("There was no answer in time.")
        CERTIFICATE = "Certificate", _("The certificate is not valid for the address.")
        CONNECTION = "Connection", _("There was no connection.")

    id = models.BigAutoField(primary_key=True)
    webhook = models.ForeignKey(
        Webhook, on_delete=models.PROTECT, related_name="deliveries", db_index=False, verbose_name=_("webhook")
    )
    event = models.ForeignKey(
        Event, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("event")
    )
    # Events of one subject are sent one after the other.
    subject = models.CharField(_("subject"), max_length=100)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    attempted_at = models.DateTimeField(_("last attempt"), null=True)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    response_status = models.PositiveSmallIntegerField(_("answer"), null=True)
    error = models.CharField(_("error"), max_length=20, choices=Error, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["webhook", "event"], name="event_once_in_log_of_webhook")]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
            models.Index(
                fields=["webhook", "subject", "event"],
                condition=models.Q(status="Pending"),
                name="delivery_pending_by_subject",
            ),
            models.Index(fields=["created_at"], name="delivery_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.status}"

    def is_too_old(self, now: datetime) -> bool:
        """Return whether it has been tried for as long as deliveries are."""
        return now - self.created_at > RETRIED_FOR
