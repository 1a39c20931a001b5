"""What is written down of deliveries, and who hears when they end."""

from collections.abc import Sequence

from django.conf import settings

from accounts.models import ClientApplication, Notice
from events.models import Delivery, Webhook

# The columns of a delivery that a call changes.
_OUTCOME = ("status", "attempts", "attempted_at", "next_attempt_at", "response_status", "error")


def write_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Write down what became of deliveries, some of which may not be in the log yet."""
    known = [delivery for delivery in deliveries if delivery.pk is not None]
    new = [delivery for delivery in deliveries if delivery.pk is None]
    # A replay sends again what is in the log already.
    Delivery.objects.bulk_create(
        new, update_conflicts=True, unique_fields=["webhook", "event"], update_fields=["created_at", *_OUTCOME]
    )
    Delivery.objects.bulk_update(known, _OUTCOME)


def tell_owner(webhook: Webhook) -> None:
    """Have a mail sent to the owner of the application, which beat does within minutes."""
    application = ClientApplication.objects.select_related("owner__user").get(pk=webhook.application_id)
    if application.owner is not None and application.owner.user.is_active:
        Notice.objects.create(
            kind=Notice.Kind.WEBHOOK_GIVEN_UP,
            recipient=application.owner.user,
            subject_kind="webhook",
            subject_id=webhook.pk,
            language=settings.LANGUAGE_CODE,
        )
