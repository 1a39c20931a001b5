"""Toxic combinations: rights that are harmless apart, and let one person do what two should. One line for each."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower

from accounts.models import ClientApplication, Member, User
from accounts.queries import holders_of
from administration.kinds.rights import SEES_RIGHTS
from administration.roles import AUDITOR
from administration.services.notices import LOOKS_AFTER_RIGHTS
from changerequests.models import Absence
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.deciders import members_with
from changerequests.queries.revisions import utc_today
from operations.doctor.findings import Finding, shortened, warning


@dataclass(frozen=True, slots=True)
class Combination:
    """What one person has, who has it now, and what to do about it. `docs/four-eyes.md` says why it matters."""

    text: str
    remedy: str
    found: Callable[[], Iterable[str]]


def _logins_of_one_address() -> Iterable[str]:
    usernames = defaultdict[str, list[str]](list)
    staff = Member.objects.filter(user__is_active=True).exclude(user__email="").order_by("pk")
    for address, username in staff.values_list(Lower("user__email"), "user__username"):
        usernames[address].append(username)
    return [" and ".join(names) for names in usernames.values() if len(names) > 1]


def _superusers_with_keys() -> Iterable[str]:
    keys = ClientApplication.objects.filter(owner__user__is_superuser=True, owner__user__is_active=True)
    for name, username in keys.exclude(allowed_scopes="").values_list("name", "owner__user__username"):
        yield f"{username} of {name}"


def _only_decider_looks_after_users() -> Iterable[str]:
    sees = reduce(or_, (Q(user__in=holders_of(name)) for name in SEES_RIGHTS))
    deciders = list(members_with(REVIEW_PERMISSION).filter(sees).select_related("user")[:2])
    return [one.user.username for one in deciders if len(deciders) == 1 and one.user.has_perm(LOOKS_AFTER_RIGHTS)]


def _substitutes_of_their_managers() -> Iterable[str]:
    absences = Absence.objects.filter(ends_on__gte=utc_today(), substitute__manager=F("member"))
    for substitute, manager in absences.values_list("substitute__user__username", "member__user__username").distinct():
        yield f"{substitute} for {manager}"


def _auditors_who_act() -> Iterable[str]:
    acting = Permission.objects.exclude(codename__startswith="view_")
    acts = Q(is_superuser=True)
    acts |= Exists(acting.filter(user=OuterRef("pk"))) | Exists(acting.filter(group__user=OuterRef("pk")))
    auditors = User.objects.filter(acts, groups__name=AUDITOR.name, is_active=True)
    return auditors.order_by("pk").values_list("username", flat=True)


def _managers_in_a_circle() -> Iterable[str]:
    """Return who stands above itself. A trigger refuses it, but not for rows from before there was one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE above AS (
                SELECT id AS below, manager_id AS id FROM accounts_member WHERE manager_id IS NOT NULL
                UNION
                SELECT above.below, member.manager_id FROM above JOIN accounts_member member ON member.id = above.id
                 WHERE member.manager_id IS NOT NULL)
            SELECT below FROM above WHERE below = id
            """
        )
        ids = [row[0] for row in cursor.fetchall()]
    return Member.objects.filter(pk__in=ids).order_by("pk").values_list("user__username", flat=True)


COMBINATIONS = (
    Combination(
        "One address has several logins of members, so that one person could ask and decide",
        "Close all but one of them, or give each the address of its own person.",
        _logins_of_one_address,
    ),
    Combination(
        "A superuser owns a client application, whose changes wait for nobody unless a policy names it",
        "Give the application another owner, or name it in the policies.",
        _superusers_with_keys,
    ),
    Combination(
        "The only one who decides rights also looks after users",
        "Give the permissions to review, and to see users, to another member.",
        _only_decider_looks_after_users,
    ),
    Combination(
        "A member is the substitute of its own manager, and so decides with the manager's sight",
        "Choose a substitute outside of the manager's team.",
        _substitutes_of_their_managers,
    ),
    Combination(
        f"Somebody in the role {AUDITOR.name} also changes or decides something, and so audits itself",
        "Take the other permissions away, or the role.",
        _auditors_who_act,
    ),
    Combination(
        "Managers form a circle, so that each sees the contacts of all",
        "Give one of them another manager, or none.",
        _managers_in_a_circle,
    ),
)


def toxic_combinations() -> Iterator[Finding]:
    """Yield a finding for each combination that somebody has."""
    for combination in COMBINATIONS:
        names = list(combination.found())
        if names:
            yield warning(f"{combination.text}: {shortened(names)}", combination.remedy)
