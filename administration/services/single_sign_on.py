"""What a login at an identity provider changes: membership of the groups that the provider's groups are mapped to."""

from django.db import transaction

from accounts.actor import system_actor
from accounts.models import ProviderGroup, User
from accounts.sso.client import Identity
from administration.rights import RIGHTS
from administration.services.notices import tell_of_giving
from administration.services.rights import change_rights, locked_rights

ACTOR = system_actor("single sign-on")


@transaction.atomic
def follow_provider_groups(user: User, identity: Identity) -> None:
    """Put the user into the groups that the provider says, of those that are mapped to groups of this provider.

    Two people have approved the mapping, so what the provider says takes effect at once; the ledger has it, and who
    looks after rights gets a mail. Groups that no group of this provider is mapped to stay as they are. Locks the user.
    """
    mapped = ProviderGroup.objects.filter(issuer=identity.provider.issuer)
    governed = set(mapped.values_list("group", flat=True))
    if not governed:
        return
    present = set(locked_rights(user.pk).document["groups"])
    said = set(mapped.filter(name__in=identity.groups).values_list("group", flat=True))
    wanted = present - governed | said
    if wanted == present:
        return
    change_rights(actor=ACTOR, user_id=user.pk, target={"groups": sorted(wanted)})
    if wanted - present:
        tell_of_giving(actor=ACTOR, kind=RIGHTS, subject_id=user.pk, paths=["groups"], concerned=[user.pk])
