"""The webhooks that an actor may look after."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import NotFound, map_lock_errors
from events.models import Delivery, Webhook


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
        raise NotFound(_("There is no such webhook of yours."))
    return found


def deliveries_of(webhook: Webhook) -> QuerySet[Delivery]:
    """Return what was sent to a webhook, latest first."""
    return webhook.deliveries.order_by("-pk")
