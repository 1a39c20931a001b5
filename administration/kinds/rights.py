"""The kinds of change request for the rights of users and of groups."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import JSONField, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.models import Member, User
from administration.kinds.documents import AdministeredKind, AdministeredPresenter
from administration.queries.rights import groups_with_rights, rights_of, users_with_rights
from administration.rights import GROUP_RIGHTS, RIGHTS
from administration.services.groups import (
    GroupRights,
    check_may_change_groups,
    checked_group,
    locked_group,
    write_group,
)
from administration.services.rights import Rights, check_may_change, checked, locked_rights, write_rights
from changerequests.kinds import NO_UID, SubjectView, listed_columns
from changerequests.models import ChangeRequest, RequestSubject
from core.documents import Change, changes_between

# Of what `identities` and `providerGroups` hold.
LABELS_INSIDE = {"issuer": _("Issuer"), "subject": _("Subject")}
LABELS = {
    "username": _("Username"),
    "email": _("Email"),
    "firstName": _("First name"),
    "lastName": _("Last name"),
    "isActive": _("Active"),
    "isStaff": _("Opens the administration"),
    "isSuperuser": _("Superuser"),
    "groups": _("Permission groups"),
    "permissions": _("Own permissions"),
    "isMember": _("Member"),
    "manager": _("Manager"),
    "participants": _("Participants"),
    "seesAllContacts": _("Sees all contacts"),
    "secondFactor": _("Second factor, since"),
    "identities": _("Linked at identity providers"),
}
GROUP_LABELS = {
    "name": _("Name"),
    "permissions": _("Permissions"),
    "providerGroups": _("Groups at identity providers"),
}
SEES_RIGHTS = ("accounts.view_user", "accounts.change_user", "accounts.change_member")
SEES_GROUPS = ("auth.view_group", *SEES_RIGHTS[:2])


class RightsKind(AdministeredKind):
    """What a login is and may do, and what it has as a member."""

    key = RIGHTS
    label = _("Rights")
    subject_label = _("login")
    seen_with = SEES_RIGHTS
    is_about_members = True
    labels = LABELS

    def search(self, term: str) -> QuerySet[Any, Any]:
        found = Q(username__icontains=term) | Q(first_name__icontains=term) | Q(last_name__icontains=term)
        return User.objects.filter(found).order_by().values("pk")

    def of_participant(self, participant_id: int) -> QuerySet[Any, Any] | None:
        return Member.objects.filter(participants=participant_id).order_by().values("user")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        rows = users_with_rights(User.objects.filter(pk__in=ids))
        return {row.pk: SubjectView(row.pk, None, row.shown_name, rights_of(row), row) for row in rows}

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any] | None:
        rows = users_with_rights(User.objects.filter(pk__in=ids))
        return listed_columns(rows, kind=self.key, uid=NO_UID, name="shown_name", document="rights")

    def lock(self, *, actor: Actor, subject_id: int) -> Rights:
        return locked_rights(subject_id)

    def apply(self, *, actor: Actor, subject: Rights, changes: Sequence[Change], request: ChangeRequest) -> None:
        checked(subject, {change.path: change.target for change in changes})
        write_rights(actor=actor, rights=subject, changes=changes, request=request)

    def amended(self, *, actor: Actor, subject: Rights, document: Mapping[str, Any]) -> Sequence[Change]:
        changes = changes_between(subject.document, checked(subject, document))
        check_may_change(actor, subject, changes)
        return changes

    def about_member(self, subject: Rights, changes: Sequence[Change]) -> int | None:
        return subject.member_id

    def presenter(self) -> "RightsPresenter":
        return RightsPresenter(self.key, self.labels)


class GroupRightsKind(AdministeredKind):
    """The permissions that a group gives to its users, and its name."""

    key = GROUP_RIGHTS
    label = _("Rights of a group")
    subject_label = _("group")
    seen_with = SEES_GROUPS
    is_about_groups = True
    labels = GROUP_LABELS

    def search(self, term: str) -> QuerySet[Any, Any]:
        return Group.objects.filter(name__icontains=term).order_by().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        rows = groups_with_rights(Group.objects.filter(pk__in=ids))
        found = {row.pk: SubjectView(row.pk, None, row.name, rights_of(row), row) for row in rows}
        deleted = gettext("Deleted group")
        return {pk: found.get(pk) or SubjectView(pk, None, deleted, {}) for pk in ids}

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        # From the requests, because a group can be deleted.
        group = groups_with_rights(Group.objects.filter(pk=OuterRef("subject_id")))
        name = Coalesce(Subquery(group.values("name")), Value(gettext("Deleted group")), output_field=TextField())
        document = Coalesce(Subquery(group.values("rights")), Value({}, JSONField()), output_field=JSONField())
        asked = RequestSubject.objects.filter(kind=self.key, subject_id__in=ids).order_by()
        return asked.values_list(Value(self.key, TextField()), "subject_id", NO_UID, name, document).distinct()

    def lock(self, *, actor: Actor, subject_id: int) -> GroupRights:
        return locked_group(subject_id)

    def apply(self, *, actor: Actor, subject: GroupRights, changes: Sequence[Change], request: ChangeRequest) -> None:
        checked_group(subject, {change.path: change.target for change in changes})
        write_group(actor=actor, rights=subject, changes=changes, request=request)

    def amended(self, *, actor: Actor, subject: GroupRights, document: Mapping[str, Any]) -> Sequence[Change]:
        check_may_change_groups(actor)
        return changes_between(subject.document, checked_group(subject, document))

    def presenter(self) -> "RightsPresenter":
        return RightsPresenter(self.key, self.labels)


class RightsPresenter(AdministeredPresenter):
    """Presents rights, with a link to the login or the group."""

    def label(self, name: str) -> str:
        return str(LABELS_INSIDE[name]) if name in LABELS_INSIDE else super().label(name)

    def text(self, value: Any, *, name: str) -> str:
        if name == "secondFactor" and value is not None:
            return date_format(localtime(datetime.fromisoformat(value)), "DATETIME_FORMAT")
        return super().text(value, name=name)

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        model = "accounts_user" if self._key == RIGHTS else "auth_group"
        right = "accounts.view_user" if self._key == RIGHTS else "auth.view_group"
        if subject.row is None or not user.has_perm(right):
            return None
        return reverse(f"admin:{model}_change", args=[subject.id])
