"""What an application does with its webhooks besides configuring them: secrets, replays, tests."""

import base64
import secrets
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.permissions import check_member_permission
from accounts.sealing import UnreadableSecretError, is_sealed_with_first_key, opened, sealed
from core.errors import UnprocessableEntity
from events.models import Delivery, Webhook
from events.queries.feed import check_position, last_position
from events.queries.webhooks import webhook_of
from events.services.numbering import number_events

_SECRET_BYTES = 32
MAY_CHANGE = "events.change_webhook"
TEST_SUBJECT = "test"


@transaction.atomic
def rotate_secret(*, actor: Actor, webhook_uid: object) -> str:
    """Give a webhook a new secret and return it, as `whsec_...`; it is stored encrypted and never shown again.

    The one before signs too for SECRET_OVERLAP_HOURS. With its first secret, deliveries begin. Locks the webhook.
    Raises NotFound.
    """
    webhook = webhook_of(actor=actor, uid=webhook_uid, for_update=True)
    secret = secrets.token_bytes(_SECRET_BYTES)
    if webhook.secret:
        webhook.previous_secret = webhook.secret
        webhook.previous_secret_until = timezone.now() + timedelta(hours=settings.SECRET_OVERLAP_HOURS)
    webhook.secret = sealed(secret, owner=webhook.pk)
    webhook.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    return f"whsec_{base64.b64encode(secret).decode()}"


def seal_again() -> int:
    """Encrypt the secrets that are not encrypted with the first key yet; return of how many webhooks.

    Raises UnreadableSecretError for one that no key decrypts; those before it stay done.
    """
    done = 0
    for webhook in Webhook.objects.filter(is_removed=False).exclude(secret="").order_by("pk"):
        stored = {"secret": webhook.secret}
        if _signs_with_previous(webhook):
            stored["previous_secret"] = webhook.previous_secret
        again = {
            column: sealed(opened(value, owner=webhook.pk), owner=webhook.pk)
            for column, value in stored.items()
            if not is_sealed_with_first_key(value, owner=webhook.pk)
        }
        # Not if it was rotated meanwhile: what it has then is encrypted with the first key.
        done += Webhook.objects.filter(pk=webhook.pk, **stored).update(**again) if again else 0
    return done


def _signs_with_previous(webhook: Webhook) -> bool:
    until = webhook.previous_secret_until
    return bool(webhook.previous_secret and until and until > timezone.now())


def open_secrets(webhook: Webhook) -> list[bytes]:
    """Return the secrets with which deliveries are signed now, the latest first.

    Stores them encrypted with today's key, where they are not. Raises UnreadableSecretError.
    """
    found = {"secret": opened(webhook.secret, owner=webhook.pk)}
    if _signs_with_previous(webhook):
        with suppress(UnreadableSecretError):
            found["previous_secret"] = opened(webhook.previous_secret, owner=webhook.pk)
    outdated = {
        column: sealed(secret, owner=webhook.pk)
        for column, secret in found.items()
        if not is_sealed_with_first_key(getattr(webhook, column), owner=webhook.pk)
    }
    if outdated:
        Webhook.objects.filter(pk=webhook.pk, secret=webhook.secret).update(**outdated)
    return list(found.values())


@transaction.atomic
def replay(*, actor: Actor, webhook_uid: object, after: int) -> None:
    """Have everything after a position sent again, also to a receiver that was given up. Locks the webhook.

    Raises NotFound; Forbidden; UnprocessableEntity `UnknownPosition` past the end of the feed.
    """
    webhook = _looked_after(actor, webhook_uid)
    number_events()
    check_position(after, last=last_position())
    webhook.deliveries.filter(status=Delivery.Status.PENDING, event__gt=after).delete()
    webhook.position = after
    webhook.failures = 0
    webhook.failing_since = webhook.next_attempt_at = webhook.stopped_at = None
    # The worker that delivers at the moment stops.
    webhook.claimed_until = None
    webhook.save(
        update_fields=["position", "failures", "failing_since", "next_attempt_at", "stopped_at", "claimed_until"]
    )


@transaction.atomic
def send_test(*, actor: Actor, webhook_uid: object) -> None:
    """Have a `webhook.test` sent. Raises NotFound; Forbidden; UnprocessableEntity `TestPending` if one is waiting."""
    webhook = _looked_after(actor, webhook_uid)
    if not webhook.is_delivering or not webhook.secret:
        raise UnprocessableEntity(
            _("Nothing is sent to this webhook: it is inactive, was stopped or has no secret yet."),
            sub_code="WebhookInactive",
        )
    if webhook.deliveries.filter(status=Delivery.Status.PENDING, subject=TEST_SUBJECT).exists():
        raise UnprocessableEntity(_("A test is already waiting to be sent."), sub_code="TestPending")
    Delivery.objects.create(webhook=webhook, subject=TEST_SUBJECT, next_attempt_at=timezone.now())


def _looked_after(actor: Actor, webhook_uid: object) -> Webhook:
    """Lock a webhook that the actor may look after, and return it. Raises NotFound; Forbidden."""
    if actor.is_member:
        check_member_permission(actor, MAY_CHANGE)
    return webhook_of(actor=actor, uid=webhook_uid, for_update=True)
