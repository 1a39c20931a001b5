"""The webhooks that an actor may look after, and their state."""

from typing import Any

from django.db.models import Case, CharField, Q, QuerySet, TextChoices, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from core.errors import NotFound, map_lock_errors
from events.models import Delivery, Webhook

# The scope of applications that have webhooks.
SCOPE = "webhooks"


class State(TextChoices):
    """What becomes of what is sent to a webhook."""

    DELIVERING = "delivering", gettext_lazy("Delivering")
    WAITS = "waits", gettext_lazy("Waiting for the application to get its secret")
    FAILING = "failing", gettext_lazy("Failing")
    GIVEN_UP = "given-up", gettext_lazy("Stopped")
    CLOSED = "closed", gettext_lazy("The application lacks the scope webhooks")
    INACTIVE = "inactive", gettext_lazy("Inactive")
    REMOVED = "removed", gettext_lazy("Removed")


# Applications that may have webhooks.
IS_OPEN = Q(application__allowed_scopes__regex=rf"(^| ){SCOPE}( |$)")
# Of these the first that applies.
_STATES = (
    When(is_removed=True, then=Value(State.REMOVED)),
    When(is_active=False, then=Value(State.INACTIVE)),
    When(~IS_OPEN, then=Value(State.CLOSED)),
    When(secret="", then=Value(State.WAITS)),
    When(stopped_at__isnull=False, then=Value(State.GIVEN_UP)),
    When(failing_since__isnull=False, then=Value(State.FAILING)),
)
# Somebody has to look after these.
TROUBLED = (State.FAILING, State.GIVEN_UP)


def with_state(webhooks: QuerySet[Webhook]) -> QuerySet[Any]:
    """Return the webhooks, each with its `state`."""
    return webhooks.annotate(state=Case(*_STATES, default=Value(State.DELIVERING), output_field=CharField()))


def troubled_webhooks() -> QuerySet[Any]:
    """Return the webhooks whose receiver fails or was given up, with their applications; longest first."""
    webhooks = with_state(Webhook.objects.select_related("application")).filter(state__in=TROUBLED)
    return webhooks.order_by("failing_since", "pk")


def webhooks_of(actor: Actor) -> QuerySet[Webhook]:
    """Return the webhooks of an application; the system and members, by their permissions, look after all of them."""
    webhooks = Webhook.objects.filter(is_removed=False)
    return webhooks if actor.application_id is None else webhooks.filter(application=actor.application_id)


def webhook_of(*, actor: Actor, uid: Any, for_update: bool = False) -> Webhook:
    """Return a webhook, with `for_update` locked. Raises NotFound; HeldByOthers."""
    webhooks = webhooks_of(actor)
    with map_lock_errors():
        found = (webhooks.select_for_update() if for_update else webhooks).filter(uid=uid).first()
    if found is None:
        raise NotFound(_("There is no webhook with this id that you can see."))
    return found


def deliveries_of(webhook: Webhook) -> QuerySet[Delivery]:
    """Return what was sent to a webhook, latest first."""
    return webhook.deliveries.order_by("-pk")
