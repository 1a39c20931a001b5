"""A contact's email and mobile channels, and the verification of new addresses."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.models.contact import Contact


class ChannelKind(models.TextChoices):
    EMAIL = "Email", _("Email")
    MOBILE = "Mobile", _("Mobile")


class ChannelQuerySet(models.QuerySet["Channel"]):
    def pending(self) -> "ChannelQuerySet":
        """Return the channels with an address that is not verified yet."""
        return self.filter(pending_value__isnull=False)


class Channel(models.Model):
    """A contact's email or mobile channel: the pending address, if any, and its only valid key.

    The row outlives the pending address because it counts the keys sent. Only a keyed hash of the key is stored; the
    key itself exists only in the message. `is_key_due` requests a key from `requested_at` on, which is later than the
    submission if there were too many: the task that sends it generates it, so that a retry sends a new one.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="channels")
    kind = models.CharField(_("channel"), max_length=10, choices=ChannelKind)
    path = models.TextField(_("path"))
    pending_value = models.TextField(_("pending value"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en")
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    is_key_due = models.BooleanField(_("key due"), default=False)
    claimed_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(_("refused"), null=True, blank=True)
    key_hash = models.CharField(max_length=64, blank=True)
    key_expires_at = models.DateTimeField(_("key expires"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    locked_until = models.DateTimeField(_("locked until"), null=True, blank=True)
    keys_requested_at = ArrayField(models.DateTimeField(), default=list, blank=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints = [
            models.UniqueConstraint(fields=["contact", "kind"], name="channel_once_per_contact"),
            models.CheckConstraint(
                condition=Q(pending_value__isnull=False) | Q(key_hash="", key_expires_at=None, is_key_due=False),
                name="channel_without_pending_value_has_no_key",
            ),
        ]
        indexes = [models.Index(fields=["requested_at"], condition=Q(is_key_due=True), name="channel_key_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.contact_id}"

    @property
    def is_put_off(self) -> bool:
        """Return whether the key goes out later, because there were too many."""
        return self.is_key_due and self.requested_at > timezone.now()

    @property
    def is_refused(self) -> bool:
        """Return whether the pending address was refused for good, and no other key has been asked for since."""
        return self.refused_at is not None and not self.is_key_due
