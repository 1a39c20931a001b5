"""Who may decide a request. Pure: the same rule answers the page and the services, and triggers hold it once more."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Person:
    """A member who wants to decide.

    `represented` has the members whose substitute it was at any time since the request began, and those who hold a
    secret or key of the application that it decides through. It may not decide a request that one of them may not
    decide. `their_group_ids` are the groups that the absent members are in.
    """

    member_id: int
    group_ids: frozenset[int] = frozenset()
    represented: frozenset[int] = frozenset()
    their_group_ids: frozenset[int] = frozenset()
    may_review: bool = True

    @property
    def barred_group_ids(self) -> frozenset[int]:
        """The groups whose rights it may not decide about."""
        return self.group_ids | self.their_group_ids


@dataclass(frozen=True, slots=True)
class Round:
    """A stage of a revision: its reviewers, and the approvals that it needs and has.

    `escalated_group_id` is the group whose members may decide, too, because it is overdue.
    """

    group_id: int | None
    needed: int
    approved: int = 0
    escalated_group_id: int | None = None

    @property
    def is_passed(self) -> bool:
        return self.approved >= self.needed

    def is_open_to(self, group_ids: frozenset[int]) -> bool:
        """Return whether the members of one of these groups decide in it."""
        return self.group_id is None or not group_ids.isdisjoint({self.group_id, self.escalated_group_id})


@dataclass(frozen=True, slots=True)
class Case:
    """An open request: who asked, who decided its current revision or was represented in that, and its stages.

    `about_member_id` is the member whose rights or login it is about, or who owns the application that asked;
    `excluded_ids` has those who could act as an application by a secret. `about_group_id` is the group whose rights it
    is about.
    """

    initiator_id: int | None
    decided_by: frozenset[int]
    rounds: Sequence[Round]
    is_returned: bool = False
    about_member_id: int | None = None
    excluded_ids: frozenset[int] = frozenset()
    about_group_id: int | None = None

    @property
    def current(self) -> int:
        """The position of the stage that the request waits in."""
        return next((place for place, stage in enumerate(self.rounds) if not stage.is_passed), len(self.rounds) - 1)


def objection(person: Person, case: Case) -> Forbidden | None:
    """Return why a person may not decide a request now; None if it may."""
    people = {person.member_id, *person.represented}
    if case.initiator_id == person.member_id:
        return Forbidden(_("You requested this change. Somebody else has to review it."), sub_code="OwnChangeRequest")
    if case.initiator_id in people:
        return Forbidden(
            _(
                "You acted for the person who requested this, or decide through an application of which that person "
                "holds a key. Somebody else has to review it."
            ),
            sub_code="OwnChangeRequest",
        )
    if case.about_member_id in people or not case.excluded_ids.isdisjoint(people):
        return Forbidden(
            _("This concerns you, your application or a person for whom you acted. Somebody else has to review it."),
            sub_code="AboutYourself",
        )
    if case.about_group_id in person.barred_group_ids:
        return Forbidden(
            _(
                "This concerns a group that you or a person for whom you acted belong to. Somebody else has to "
                "review it."
            ),
            sub_code="AboutYourself",
        )
    if not people.isdisjoint(case.decided_by):
        return Forbidden(
            _("This was already decided by you, by somebody for you, or by somebody for whom you acted."),
            sub_code="AlreadyDecided",
        )
    if not person.may_review or place_of(person, case) is None:
        return Forbidden(_("It is pending for reviewers of a group that you are not in."), sub_code="NotAReviewer")
    return None


def place_of(person: Person, case: Case) -> int | None:
    """Return the position of the stage in which the person decides; of a returned request, any of its stages."""
    places = range(len(case.rounds)) if case.is_returned else [case.current]
    for place in places:
        if case.rounds[place].is_open_to(person.group_ids):
            return place
    return None
