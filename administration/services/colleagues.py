"""New colleagues: a login and its member, by one change request."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from administration.outcomes import Outcome
from administration.services.rights import create_login, not_well_formed


@transaction.atomic
def add_colleague(
    *, actor: Actor, username: str = "", target: Mapping[str, Any], comment: str | None = None
) -> Outcome:
    """Create a login of the staff, which is a member, and ask for both in one request.

    `target` has the paths of a user's rights (`administration.queries.rights`): name, address, manager, groups,
    participants. The username is by default what is before the @ of the address. Once somebody else has approved it, a
    link to set the password goes to the address. Raises like `create_login`; UnprocessableEntity `ValidationFailed`
    without an address.
    """
    address = str(target.get("email") or "").strip()
    if not address:
        raise not_well_formed({"email": [_("The link to set the password goes to the address: enter one.")]})
    rights = {**target, "isStaff": True, "isMember": True}
    return create_login(actor=actor, username=username or address.partition("@")[0], target=rights, comment=comment)
