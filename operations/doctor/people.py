"""Examines whether people can decide what waits, and whether they have reviewed what did not wait."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import psycopg
from django.contrib.auth.models import Group
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone, translation

from accounts.models import ClientApplication, Notice, User
from accounts.names import LoginName
from accounts.sso.local import staff_with_passwords
from administration.applications import APPLICATION
from administration.bootstrap import is_bootstrapped
from administration.kinds.break_glass import HOURS_TO_REVIEW
from administration.models import BREAK_GLASS, BreakGlass
from changerequests.coverage import Gap, gaps, gaps_about_groups, gaps_of_applications
from changerequests.eligibility import Person, Round
from changerequests.kinds import RequestKind, all_kinds
from changerequests.models import ChangeRequest, DailyDigest, DeadlineMail
from changerequests.policies import KindPolicy, Rule, Stage, kind_policy
from changerequests.queries.deciders import deciders_today, members_with
from changerequests.queries.policies import policies_now
from contacts.models import Contact
from operations import probes
from operations.doctor.combinations import toxic_combinations
from operations.doctor.database import described
from operations.doctor.findings import Finding, error, ok, shortened, warning

DAYS_OF_REFUSALS = 7


def examine_people() -> Iterator[Finding]:
    """Say whose requests nobody could decide, which uses of break glass nobody has reviewed, and toxic combinations.

    The number of queries depends on the kinds only. Sight that depends on the subject, such as a contact, is left out.
    """
    try:
        with probes.database():
            yield from _examined()
    except psycopg.Error as problem:
        yield error(f"Not known: {described(problem)}", "See the database.")
    except DatabaseError as problem:
        yield error(f"Not known: {type(problem).__name__}", "See the migrations.")


def _examined() -> Iterator[Finding]:
    if not is_bootstrapped():
        yield ok("there are none yet: commands act at once")
        return
    with translation.override("en"):
        lacking = _lacking()
    for sentence, places in lacking.items():
        make = error if sentence == NOBODY else warning
        where = "; ".join(f"{stage} of {', '.join(kinds)}" for stage, kinds in places.items())
        yield make(f"{sentence}: {where}", REMEDY)
    if not lacking:
        yield ok("whatever somebody asks for, somebody else could decide it")
    yield from _local_logins()
    yield from _broken_glass()
    yield from toxic_combinations()
    yield from _shared_names()
    yield from _unreachable()


# ---- names of logins


def _shared_names() -> Iterator[Finding]:
    """Find staff who share the name that they log in with with a contact, from before the database refused it."""
    contacts = Contact.objects.alias(compared=LoginName("username")).filter(compared=OuterRef("compared"))
    staff = User.objects.filter(contact=None).alias(compared=LoginName("username"))
    shared = list(staff.filter(Exists(contacts.order_by())).order_by("pk").values_list("username", flat=True))
    if shared:
        yield warning(
            f"Contacts have usernames of staff: {shortened(shared)}",
            "Give these contacts other usernames: each login opens only as its name is spelled.",
        )


# ---- mails


def _unreachable() -> Iterator[Finding]:
    """Find staff whose address refuses mails."""
    since = timezone.now() - timedelta(days=DAYS_OF_REFUSALS)
    notices = Notice.objects.filter(refused_at__gte=since)
    outcomes = ChangeRequest.objects.filter(reviewed_at__gte=since, outcome_refused_at__isnull=False)
    reminders = DeadlineMail.objects.filter(refused_at__gte=since)
    digests = DailyDigest.objects.filter(refused_at__gte=since)
    members = Q(member__in=outcomes.values("initiator_member"))
    members |= Q(member__in=reminders.values("member")) | Q(member__in=digests.values("member"))
    refused = members | Q(pk__in=notices.values("recipient"))
    users = list(User.objects.filter(refused).order_by("pk").values_list("username", flat=True))
    if users:
        yield warning(
            f"The mail server refused mails to: {shortened(users)}",
            "Correct their addresses, or restore their mailboxes. What was refused is not sent again.",
        )


# ---- who could decide

NOBODY = "Nobody could decide a request"
REMEDY = "Give the permissions to see and review such requests, and the stage's group, to another member."

# The labels of kinds by stage, by whose requests they are.
Lacking = Mapping[str, Mapping[str, Collection[str]]]


@dataclass(frozen=True, slots=True)
class _Names:
    """The usernames of members, and the names of applications and groups, by id."""

    members: Mapping[int, str]
    applications: Mapping[int, str]
    groups: Mapping[int, str]


def _local_logins() -> Iterator[Finding]:
    """Say if nobody of the staff comes in when the identity provider fails."""
    if any(user.has_usable_password() for user in staff_with_passwords().only("password")):
        return
    hint = "Give the group or the logins that LOCAL_LOGIN names a password, or change it."
    yield warning("nobody of the staff may log in with a password, should the identity provider fail", hint)


def _lacking() -> Lacking:
    people, members = deciders_today()
    applications = {row.pk: row for row in ClientApplication.objects.exclude(allowed_scopes="").order_by("pk")}
    # Who decides neither what an application asks for nor what somebody asks for it.
    excluded = {pk: frozenset(row.secret_holders | {row.owner_id} - {None}) for pk, row in applications.items()}
    names = _Names(
        members,
        {pk: row.name for pk, row in applications.items()},
        dict(Group.objects.values_list("pk", "name")),
    )
    holders = cache(lambda permission: frozenset(members_with(permission).values_list("pk", flat=True)))
    document, version = policies_now()
    found: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for kind in all_kinds():
        policy = kind_policy(document[kind.key], version=version)
        for sentence, stage in _gaps_of(kind, policy, _who_see(kind, people, holders), excluded, names):
            found[sentence][stage][str(kind.label)] = None
    return found


def _who_see(
    kind: RequestKind, people: Sequence[Person], holders: Callable[[str], Collection[int]]
) -> Sequence[Person]:
    if not kind.seen_with:
        return people
    return [person for person in people if any(person.member_id in holders(name) for name in kind.seen_with)]


def _gaps_of(
    kind: RequestKind,
    policy: KindPolicy,
    people: Sequence[Person],
    excluded: Mapping[int, frozenset[int]],
    names: _Names,
) -> Iterator[tuple[str, str]]:
    """Yield in words whose requests nobody could decide, and the stage."""
    for stages in dict.fromkeys(rule.stages for rule in policy.rules if rule.stages):
        rounds = [Round(stage.group_id, stage.approvals) for stage in stages]
        by_place: dict[int, list[str]] = defaultdict(list)
        about_groups = gaps_about_groups(people, rounds) if kind.is_about_groups else []
        for gap in [*gaps(people, rounds, is_about_members=kind.is_about_members), *about_groups]:
            # Commands ask for the reviews of break glass, members do not.
            if kind.key != BREAK_GLASS or gap.initiator_id is None:
                by_place[gap.place].append(_whose(gap, names, asks=True))
        # A stage without people for everybody has none for applications either.
        if not any("" in lacking for lacking in by_place.values()):
            rules = [rule for rule in policy.rules if rule.stages == stages]
            for gap, asks in _application_gaps(kind, rules, people, rounds, excluded):
                by_place[gap.place].append(_whose(gap, names, asks=asks))
        for place, lacking in by_place.items():
            yield _sentence(lacking), _stage(stages, place)


def _application_gaps(
    kind: RequestKind,
    rules: Sequence[Rule],
    people: Sequence[Person],
    rounds: Sequence[Round],
    excluded: Mapping[int, frozenset[int]],
) -> Iterator[tuple[Gap, bool]]:
    """Yield the gaps in what applications ask for and in what members ask for them, and which of these it is."""
    named = {pk for rule in rules for pk in rule.application_ids or ()} & excluded.keys()
    asking = {pk: excluded[pk] for pk in sorted(named)}
    for gap in gaps_of_applications(people, rounds, asking, by_members=False):
        yield gap, True
    if kind.key == APPLICATION:
        # What is about the owner alone is among what is about members.
        held = {pk: members for pk, members in excluded.items() if len(members) > 1}
        for gap in gaps_of_applications(people, rounds, held, by_members=True):
            yield gap, False


def _whose(gap: Gap, names: _Names, *, asks: bool) -> str:
    by = "" if gap.initiator_id is None else f"by {names.members[gap.initiator_id]}"
    about = "" if gap.about_member_id is None else f"about {names.members[gap.about_member_id]}"
    which = "" if gap.application_id is None else f"application {names.applications[gap.application_id]}"
    application = which and f"{'by' if asks else 'about'} {which}"
    group = "" if gap.about_group_id is None else f"about the group {names.groups[gap.about_group_id]}"
    return " ".join(filter(None, [by, about, application, group]))


def _sentence(whose: Collection[str]) -> str:
    return NOBODY if "" in whose else f"Nobody could decide a request {shortened(list(whose))}"


def _stage(stages: Sequence[Stage], place: int) -> str:
    before = " and ".join(stage.name for stage in stages[:place])
    return f"stage {stages[place].name}" + (f" (after {before})" if before else "")


# ---- break glass


def _broken_glass() -> Iterator[Finding]:
    open_reviews = ChangeRequest.objects.open().of_kind(BREAK_GLASS).order_by().values("subject_id")
    used = list(BreakGlass.objects.filter(pk__in=open_reviews).order_by("pk"))
    due = timezone.now() - timedelta(hours=HOURS_TO_REVIEW)
    late = [one for one in used if one.used_at < due]
    recent = [one for one in used if one.used_at >= due]
    remedy = "Somebody who may review decides the change request about it, in the admin."
    days = HOURS_TO_REVIEW // 24
    if late:
        yield error(f"Nobody has reviewed in {days} days that commands broke the glass: {_listed(late)}", remedy)
    if recent:
        yield warning(f"Commands broke the glass, and the review is open: {_listed(recent)}", remedy)


def _listed(used: Sequence[BreakGlass]) -> str:
    return shortened([f"{one} by {one.operator}" for one in used])
