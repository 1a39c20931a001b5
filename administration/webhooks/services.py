"""Adding and removing webhooks, which are configuration."""

from collections.abc import Sequence

from django.db import transaction

from accounts.actor import Actor
from administration.models import ConfigurationSubject
from administration.outcomes import Outcome
from administration.services.configuration import add_configuration, change_configuration
from administration.webhooks.sort import WEBHOOK
from changerequests.models import ChangeRequest
from events.models import Webhook
from events.queries.webhooks import webhook_of
from events.services.numbering import number_events


def add_webhook(
    *, actor: Actor, application_id: int, url: str, types: Sequence[str] | None, comment: str | None = None
) -> Webhook | ChangeRequest:
    """Add a webhook, which begins with what happens from now on; return it, or the request if this waits.

    Raises Forbidden; UnprocessableEntity `ValidationFailed`, `PendingChangeRequestExists`.
    """
    # Not in the transaction, in which names are resolved: others number meanwhile.
    number_events()
    return _added(actor, application_id, url, types, comment)


@transaction.atomic
def _added(
    actor: Actor, application_id: int, url: str, types: Sequence[str] | None, comment: str | None
) -> Webhook | ChangeRequest:
    target = {"application": application_id, "url": url, "types": list(types) if types else None}
    outcome = add_configuration(actor=actor, sort=WEBHOOK, target=target, comment=comment)
    if outcome.request is not None:
        return outcome.request
    subject = ConfigurationSubject.objects.filter(pk=outcome.subject_id)
    return Webhook.objects.get(pk__in=subject.values("object_id"))


@transaction.atomic
def remove_webhook(*, actor: Actor, webhook_uid: object) -> Outcome:
    """Remove a webhook: nothing is sent any more. Locks its subject.

    Raises NotFound; Forbidden; HeldByOthers; UnprocessableEntity `PendingChangeRequestExists`.
    """
    webhook = webhook_of(actor=actor, uid=webhook_uid)
    return change_configuration(
        actor=actor, sort=WEBHOOK, object_id=webhook.pk, target={"isActive": False, "isRemoved": True}
    )
