"""New addresses wait until their owner has shown that they are theirs."""

from collections.abc import Sequence

from django.utils import timezone

from contacts.models import Channel, Contact
from schemas.compiled import CompiledSchema


def await_verification(*, contact: Contact, schema: CompiledSchema, path: str, value: str) -> Channel:
    """Make `value` the pending value of the channel that the path belongs to; it replaces an earlier one."""
    channel, _created = Channel.objects.update_or_create(
        contact=contact,
        kind=schema.verified_paths[path],
        defaults={"path": path, "pending_value": value, "requested_at": timezone.now()},
    )
    return channel


def drop_pending(*, contact: Contact, paths: Sequence[str]) -> None:
    """Forget the pending values of channels whose field was just written directly."""
    Channel.objects.filter(contact=contact, path__in=paths).delete()
