"""What a change of rights gives and what it takes away. Pure: nothing here reads or writes.

Taking away takes effect at once, giving may wait for somebody else.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.documents import Change, changes_between, with_values

RIGHTS = "rights"
GROUP_RIGHTS = "group-rights"
# In the ledger only: a login or an application was locked after wrong passwords or secrets.
LOCKED = "isLocked"

# Who grants these must be a superuser.
GRANTS = frozenset({"isStaff", "isSuperuser", "groups", "permissions", "identities"})
# What a user has as a member.
OF_MEMBERS = frozenset({"isMember", "manager", "participants", "seesAllContacts"})


def split(
    current: Mapping[str, Any], target: Mapping[str, Any], *, binding_groups: Collection[int] = ()
) -> tuple[Sequence[Change], Sequence[Change]]:
    """Return the changes that take away, and those that give once they are made.

    Who leaves one of the `binding_groups` may get rid of a rule about its members, so that leaving it gives. So does
    resetting a second factor: a password is enough then to set up another one.
    """
    reduced = {path: _reduced(path, value, target.get(path), binding_groups) for path, value in current.items()}
    taking = changes_between(current, with_values(current, reduced))
    return taking, changes_between(with_values(current, reduced), target)


def _reduced(path: str, value: Any, target: Any, binding_groups: Collection[int]) -> Any:
    """Return what is left of a value if the target only takes away from it."""
    if isinstance(value, list):
        return [item for item in value if item in (target or []) or (path == "groups" and item in binding_groups)]
    is_given_up = (value is True and target is False) or (path == "manager" and target is None)
    return target if is_given_up else value
