"""Parts of the documents of rights: who a user is at identity providers, and which groups there are mapped to ours."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from accounts.models import ProviderGroup, ProviderIdentity, User
from accounts.sso.providers import known_issuers
from core.errors import UnprocessableEntity, map_integrity_error
from core.text import line_faults, normalized

IDENTITY_TAKEN = "identity_of_one_user"
MAX_LENGTH = 255

# An issuer, and a subject or the name of a group there.
Pair = Mapping[str, str]


def identity_faults(identities: Any, current: Sequence[Pair], *, user: User) -> list[str]:
    """Return what is wrong with who a user is at providers."""
    faults = _pair_faults(identities, "subject", current)
    if faults:
        return faults
    holders = [pair for pair in identities if _held(pair).exclude(user=user).exists()]
    return [_taken_text(pair["subject"]) for pair in holders]


def provider_group_faults(groups: Any, current: Sequence[Pair]) -> list[str]:
    """Return what is wrong with the groups at providers that put people into a group."""
    return _pair_faults(groups, "name", current)


def in_order(pairs: Collection[Pair], name: str) -> list[dict[str, str]]:
    """Return pairs of an issuer and a name in the form and order of documents, each once."""
    found = {(normalized(pair["issuer"]), normalized(pair[name])) for pair in pairs}
    return [{"issuer": issuer, name: value} for issuer, value in sorted(found)]


def write_identities(user: User, identities: Collection[Pair]) -> None:
    """Replace who a locked user is at providers. Raises UnprocessableEntity `IdentityTaken`."""
    kept = ProviderIdentity.objects.none()
    for pair in identities:
        kept |= _held(pair)
    user.identities.exclude(pk__in=kept.values("pk")).delete()
    error = UnprocessableEntity(_taken_text(""), sub_code="IdentityTaken")
    for pair in identities:
        with map_integrity_error(IDENTITY_TAKEN, error):
            user.identities.get_or_create(issuer=pair["issuer"], subject=pair["subject"])


def write_provider_groups(group: Group, provided: Collection[Pair]) -> None:
    """Replace the groups at providers that put people into a locked group."""
    ProviderGroup.objects.filter(group=group).delete()
    ProviderGroup.objects.bulk_create(
        ProviderGroup(group=group, issuer=pair["issuer"], name=pair["name"]) for pair in provided
    )


def _held(pair: Pair) -> Any:
    return ProviderIdentity.objects.filter(issuer=pair["issuer"], subject=pair["subject"])


def _pair_faults(pairs: Any, name: str, current: Sequence[Pair]) -> list[str]:
    if not isinstance(pairs, list) or not all(_is_pair(pair, name) for pair in pairs):
        return [_("Expected a list of an issuer and a text of at most %(limit)s characters.") % {"limit": MAX_LENGTH}]
    unknown = {pair["issuer"] for pair in pairs if pair not in current} - set(known_issuers())
    return [_("There is no identity provider %(issuer)s.") % {"issuer": issuer} for issuer in sorted(unknown)]


def _is_pair(pair: Any, name: str) -> bool:
    if not isinstance(pair, dict) or pair.keys() != {"issuer", name}:
        return False
    lines = [normalized(value) if isinstance(value, str) else "" for value in pair.values()]
    return all(line and not line_faults(line, most=MAX_LENGTH) for line in lines)


def _taken_text(subject: str) -> str:
    if subject:
        return _("Another login is linked to %(subject)s already.") % {"subject": subject}
    return _("Another login is linked to this identity already.")
