"""Who may do and decide what, as of a date: the present rights, with the ledger's later entries undone."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import ClientApplication, Member, Participant, User
from administration.applications import APPLICATION
from administration.permissions import words_of
from administration.queries.applications import applications_with_documents, document_of_application
from administration.queries.rights import groups_with_rights, rights_of, users_with_rights
from administration.recertification import RECERTIFICATION
from administration.rights import GROUP_RIGHTS, RIGHTS
from audit.models import Entry
from changerequests.kinds import all_kinds
from changerequests.models import Absence, PolicyVersion
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.policies import policy_from_column
from core.documents import Document

Documents = dict[int, Document]


@dataclass(frozen=True, slots=True)
class Certified:
    """What a member may do and decide. Its manager signs for it."""

    user_id: int
    username: str
    name: str
    manager: str
    manager_username: str
    is_active: bool
    is_superuser: bool
    sees_all_contacts: bool
    participants: Sequence[str] = ()
    roles: Sequence[str] = ()
    # In words; those of its roles are what `manage.py roles` and the pages of the groups say.
    own_permissions: Sequence[str] = ()
    decides: Sequence[str] = ()
    substitute_for: Sequence[str] = ()
    applications: Sequence[str] = ()
    # When its manager of then has last confirmed all this, and who that was.
    confirmed: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what a manager confirms."""
        return {name: value for name, value in asdict(self).items() if name != "confirmed"}


@dataclass(slots=True)
class _AsOf:
    """Everything that the list is made of, as it was at a moment."""

    users: Documents = field(default_factory=dict)
    groups: Documents = field(default_factory=dict)
    applications: Documents = field(default_factory=dict)
    # The stages that a group decides, by its id.
    stages: Mapping[int, Sequence[str]] = field(default_factory=dict)

    def permissions_of(self, user: Document) -> set[str]:
        """Return the permissions that a user has itself and by its groups."""
        of_groups = [self.groups.get(pk, {}).get("permissions") or [] for pk in user.get("groups") or []]
        return {*(user.get("permissions") or []), *(name for names in of_groups for name in names)}

    def decides(self, user: Document) -> list[str]:
        """Return the stages that a user decides."""
        if not user.get("isSuperuser") and REVIEW_PERMISSION not in self.permissions_of(user):
            return []
        of_groups = [stage for pk in user.get("groups") or [] for stage in self.stages.get(pk, ())]
        return [_("Stages of everybody who may review"), *of_groups]


def end_of(day: date) -> datetime:
    """Return the moment as of which a day is listed: its end in the institution's zone, or now."""
    if day >= timezone.localdate():
        return timezone.now()
    return timezone.make_aware(datetime.combine(day, time.max))


def recertification(*, moment: datetime, manager: str | None = None) -> list[Certified]:
    """Return the members as of a moment, those of one manager if its username is given, by manager and name.

    The number of queries does not depend on the number of members.
    """
    world = _world(moment)
    members = dict(Member.objects.values_list("user_id", "pk"))
    users = {pk: user for pk, user in world.users.items() if user.get("isMember") and pk in members}
    by_member = {members[pk]: user for pk, user in users.items()}
    participants = dict(Participant.objects.values_list("pk", "name"))
    represented = _represented(moment, by_member)
    owned, confirmed = _owned(world.applications), _confirmed(moment)
    found = [
        replace(
            _certified(pk, user, world, by_member, participants),
            substitute_for=represented[members[pk]],
            applications=owned[members[pk]],
            confirmed=confirmed.get(pk, ""),
        )
        for pk, user in users.items()
    ]
    wanted = None if manager is None else manager.casefold()
    kept = [one for one in found if wanted is None or one.manager_username.casefold() == wanted]
    return sorted(kept, key=lambda one: (one.manager.casefold(), one.manager_username, one.name.casefold()))


def _certified(
    user_id: int,
    user: Document,
    world: _AsOf,
    by_member: Documents,
    participants: Mapping[int, str],
) -> Certified:
    above = by_member.get(user.get("manager") or 0, {})
    return Certified(
        user_id=user_id,
        username=user["username"],
        name=_name(user),
        manager=_name(above) if above else "",
        manager_username=above.get("username", ""),
        is_active=bool(user.get("isActive")),
        is_superuser=bool(user.get("isSuperuser")),
        sees_all_contacts=bool(user.get("seesAllContacts")),
        participants=sorted(participants.get(pk, f"#{pk}") for pk in user.get("participants") or []),
        roles=sorted(world.groups.get(pk, {}).get("name") or f"#{pk}" for pk in user.get("groups") or []),
        own_permissions=[words_of(name) or name for name in user.get("permissions") or []],
        decides=world.decides(user),
    )


def _world(moment: datetime) -> _AsOf:
    users = users_with_rights(User.objects.filter(date_joined__lte=moment))
    applications = applications_with_documents(ClientApplication.objects.filter(created__lte=moment))
    return _AsOf(
        users=_as_of(RIGHTS, moment, {row.pk: rights_of(row) for row in users}, "username"),
        groups=_as_of(
            GROUP_RIGHTS, moment, {row.pk: rights_of(row) for row in groups_with_rights(Group.objects.all())}, "name"
        ),
        applications=_as_of(
            APPLICATION, moment, {row.pk: document_of_application(row) for row in applications}, "name"
        ),
        stages=_stages(moment),
    )


def _as_of(kind: str, moment: datetime, documents: Documents, name: str) -> Documents:
    """Undo what the ledger recorded after a moment, deletions too, and leave out what had no name yet."""
    found = defaultdict[int, Document](dict, documents)
    later = Entry.objects.filter(kind=kind, recorded_at__gt=moment).order_by("subject_id", "-sequence")
    for entry in later.only("subject_id", "changes"):
        found[entry.subject_id] = entry.undone(found[entry.subject_id])
    return {pk: document for pk, document in found.items() if document.get(name)}


def _stages(moment: datetime) -> Mapping[int, Sequence[str]]:
    """Return the stages of the policies of that moment that a group decides, by its id."""
    versions = PolicyVersion.objects.filter(created_at__lte=moment).order_by("-number")
    uid = versions.values_list("uid", flat=True).first()
    found = defaultdict[int, dict[str, None]](dict)
    for kind in all_kinds():
        for stage in policy_from_column(kind.key, uid).stages:
            if stage.group_id is not None:
                text = _("%(stage)s of %(kind)s") % {"stage": stage.name, "kind": kind.label}
                found[stage.group_id][text] = None
    return {group_id: list(texts) for group_id, texts in found.items()}


def _represented(moment: datetime, by_member: Documents) -> Mapping[int, list[str]]:
    """Return for whom each member stood in on that day."""
    day = timezone.localdate(moment)
    absences = Absence.objects.filter(starts_on__lte=day, ends_on__gte=day).order_by("pk")
    return _grouped(absences.values_list("substitute", "member"), lambda member_id: _name(by_member.get(member_id, {})))


def _owned(applications: Documents) -> Mapping[int, list[str]]:
    """Return the applications that each member owned, closed ones left out."""
    owners = [(document["owner"], pk) for pk, document in applications.items() if document.get("scopes")]
    return _grouped(
        [(owner, pk) for owner, pk in owners if owner is not None], lambda pk: str(applications[pk]["name"])
    )


def _confirmed(moment: datetime) -> Mapping[int, str]:
    """Return when the rights of each login were last confirmed until then, and by whom."""
    entries = Entry.objects.filter(kind=RECERTIFICATION, recorded_at__lte=moment).with_people()
    latest = entries.order_by("subject_id", "-sequence").distinct("subject_id")
    days = {entry.subject_id: date_format(timezone.localtime(entry.recorded_at), "DATE_FORMAT") for entry in latest}
    return {entry.subject_id: f"{days[entry.subject_id]}, {entry.initiator_member}" for entry in latest}


def _grouped(pairs: Iterable[tuple[int, int]], name: Callable[[int], str]) -> Mapping[int, list[str]]:
    found = defaultdict[int, list[str]](list)
    for key, value in pairs:
        found[key].append(name(value))
    return found


def _name(user: Mapping[str, Any]) -> str:
    parts: Collection[str] = [user[part] for part in ("firstName", "lastName") if user.get(part)]
    return " ".join(parts) or str(user.get("username", ""))
