"""The kind of change request for the policies themselves."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.document_kinds import DocumentPresenter, PermittedKind
from changerequests.kinds import SubjectView, all_kinds
from changerequests.models import ChangeRequest, PolicyVersion
from changerequests.permissions import POLICY_PERMISSION, REVIEW_PERMISSION
from changerequests.policies import profiles
from changerequests.presentation import Shown
from changerequests.queries.policies import policies_now
from changerequests.services.policies import (
    POLICIES,
    POLICY_KIND,
    Policies,
    locked_policies,
    planned_changes,
    write_policies,
)
from core.documents import Change

LABELS = {
    "stages": _("Stages"),
    "rules": _("Rules"),
    "isDigestRequired": _("Decisions name what was shown"),
    "name": _("Name"),
    "group": _("Reviewers"),
    "approvals": _("Approvals needed"),
    "hours": _("Hours until due"),
    "escalatesTo": _("Escalates to"),
    "isEvidenceRequired": _("File required"),
    "paths": _("Fields"),
    "flaggedOnly": _("Only fields that require approval, or list items in use"),
    "minRows": _("From this number of rows"),
    "contactTypes": _("Contact types"),
    "participants": _("Participants"),
    "initiatorGroups": _("Groups of the initiator"),
    "applications": _("Applications"),
}


class PolicyKind(PermittedKind):
    """A change of the policies. It always waits."""

    key = POLICY_KIND
    label = _("Policy")
    subject_label = _("policies")
    subject_template = "admin/changerequests/includes/reviewed_policies.html"
    history_template = "admin/changerequests/includes/policy_history.html"
    profiles = profiles(waits=True)
    always_waits = True
    seen_with = (REVIEW_PERMISSION, POLICY_PERMISSION)

    def search(self, term: str) -> QuerySet[Any, Any]:
        return PolicyVersion.objects.none().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        document = policies_now()[0] if with_documents else {}
        return {POLICIES: SubjectView(POLICIES, None, gettext("Policies"), document)}

    def lock(self, *, actor: Actor, subject_id: int) -> Policies:
        return locked_policies()

    def apply(self, *, actor: Actor, subject: Policies, changes: Sequence[Change], request: ChangeRequest) -> Any:
        return write_policies(current=subject, changes=changes)

    def document_of(self, subject: Policies) -> Mapping[str, Any]:
        return subject.document

    def amended(self, *, actor: Actor, subject: Policies, document: Mapping[str, Any]) -> Sequence[Change]:
        return planned_changes(subject, document)

    def presenter(self) -> "PolicyPresenter":
        return PolicyPresenter()


class PolicyPresenter(DocumentPresenter):
    """Presents policies with the names of kinds and groups."""

    def __init__(self) -> None:
        super().__init__(POLICY_KIND, LABELS | {kind.key: kind.label for kind in all_kinds()})

    @cached_property
    def _groups(self) -> dict[int, str]:
        return dict(Group.objects.values_list("pk", "name"))

    def text(self, value: Any, *, name: str) -> str:
        if name in ("group", "escalatesTo", "initiatorGroups") and value is not None:
            return self._groups.get(value, f"#{value}")
        return super().text(value, name=name)

    def shown_policy(self, policy: Mapping[str, Any]) -> list[tuple[str, Shown]]:
        """Return the parts of a kind's policy for display, each with its label."""
        return [(self.label(part), self.shown(policy[part])) for part in LABELS if part in policy]

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        return {"versions": PolicyVersion.objects.all()[:5]}
