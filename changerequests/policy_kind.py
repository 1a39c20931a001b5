"""The kind of change request for the policies themselves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor, ActorKind
from accounts.queries import has_permission
from changerequests.kinds import Presenter, RequestKind, SubjectView, all_kinds
from changerequests.models import ChangeRequest, PolicyVersion
from changerequests.permissions import POLICY_PERMISSION, REVIEW_PERMISSION
from changerequests.policies import Facts, Initiator, Requirement, profiles
from changerequests.presentation import Mark, ReviewedChange, Row, Shown
from changerequests.queries.policies import current_policy, policies_now
from changerequests.services.policies import (
    POLICIES,
    POLICY_KIND,
    Policies,
    locked_policies,
    planned_changes,
    write_policies,
)
from core.documents import Change, is_same, value_at

LABELS = {
    "stages": _("Stages"),
    "rules": _("Rules"),
    "isDigestRequired": _("Decisions name what was shown"),
    "name": _("Name"),
    "group": _("Reviewers"),
    "approvals": _("Approvals needed"),
    "hours": _("Hours until due"),
    "paths": _("Fields"),
    "flaggedOnly": _("Only fields that require approval"),
    "contactTypes": _("Contact types"),
    "participants": _("Participants"),
    "initiatorGroups": _("Groups of the initiator"),
    "applications": _("Applications"),
}


class PolicyKind(RequestKind):
    """A change of the policies. It always waits."""

    key = POLICY_KIND
    label = _("Policy")
    subject_label = _("policies")
    subject_template = "admin/changerequests/includes/reviewed_policies.html"
    history_template = "admin/changerequests/includes/policy_history.html"
    profiles = profiles(waits=True)
    always_waits = True

    def visible(self, actor: Actor) -> Q | None:
        if actor.kind is ActorKind.SYSTEM:
            return None
        if not actor.is_member:
            return Q(pk__in=[])
        return Q(has_permission(actor, REVIEW_PERMISSION)) | Q(has_permission(actor, POLICY_PERMISSION))

    def search(self, term: str) -> QuerySet[Any, Any]:
        return PolicyVersion.objects.none().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        document = policies_now()[0] if with_documents else {}
        return {POLICIES: SubjectView(POLICIES, None, gettext("Policies"), document)}

    def lock(self, *, actor: Actor, subject_id: int) -> Policies:
        return locked_policies()

    def apply(self, *, actor: Actor, subject: Policies, changes: Sequence[Change], request: ChangeRequest) -> Any:
        return write_policies(current=subject, changes=changes)

    def outdated_paths(self, document: Mapping[str, Any], changes: Sequence[Change]) -> list[str]:
        return [change.path for change in changes if not is_same(value_at(document, change.path), change.original)]

    def document_of(self, subject: Policies) -> Mapping[str, Any]:
        return subject.document

    def amended(self, *, actor: Actor, subject: Policies, document: Mapping[str, Any]) -> Sequence[Change]:
        return planned_changes(subject, document)

    def requirement(self, *, subject: Policies, paths: Iterable[str], initiator: Initiator) -> Requirement:
        return current_policy(self.key).requirement(paths, flagged=(), facts=Facts(initiator=initiator))

    def presenter(self) -> "PolicyPresenter":
        return PolicyPresenter()


class PolicyPresenter(Presenter):
    """Presents policies with the names of kinds and groups."""

    def __init__(self) -> None:
        self._kinds = {kind.key: str(kind.label) for kind in all_kinds()}
        self._groups = dict(Group.objects.values_list("pk", "name"))

    def field_labels(self, paths: Iterable[str]) -> list[str]:
        return [self.label_at(path) for path in sorted(paths) if "." in path]

    def label_at(self, path: str) -> str:
        kind, _dot, part = path.partition(".")
        return " › ".join(filter(None, (self._kinds.get(kind, kind), str(LABELS.get(part, part)))))

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        return [self._reviewed(change, document, is_open) for change in changes]

    def _reviewed(self, change: Mapping[str, Any], document: Mapping[str, Any], is_open: bool) -> ReviewedChange:
        path = change["path"]
        now = value_at(document, path) if is_open else change["original"]
        is_outdated = not is_same(now, change["original"])
        kind, _dot, part = path.partition(".")
        return ReviewedChange(
            path=path,
            label=str(LABELS.get(part, part)),
            context=self._kinds.get(kind, kind),
            current=self._shown(now, Mark.REMOVED, beside=change["target"]),
            proposed=self._shown(change["target"], Mark.ADDED, beside=now),
            original=self._shown(change["original"], Mark.SAME) if is_outdated else None,
            is_approval_required=change["isApprovalRequired"],
            is_verified_after=False,
        )

    def shown_policy(self, policy: Mapping[str, Any]) -> list[tuple[str, Shown]]:
        """Return the parts of a kind's policy for display, each with its label."""
        return [(str(LABELS[part]), self._shown(policy[part], Mark.SAME)) for part in LABELS if part in policy]

    def _shown(self, value: Any, mark: Mark, *, beside: Any = None, key: str = "") -> Shown:
        """Return a value for display; what is in the value beside it too is not marked."""
        if isinstance(value, list):
            others = beside if isinstance(beside, list) else []
            return Shown(
                items=tuple(self._shown(item, Mark.SAME if item in others else mark, key=key) for item in value)
            )
        if isinstance(value, dict):
            rows = [
                Row(str(LABELS.get(name, name)), self._shown(part, Mark.SAME, key=name))
                for name in LABELS
                if (part := value.get(name)) is not None and part is not False
            ]
            return Shown(rows=tuple(rows), mark=mark)
        return Shown(text=self._text(value, key), mark=mark)

    def _text(self, value: Any, key: str) -> str:
        if isinstance(value, bool):
            return gettext("Yes") if value else gettext("No")
        if key in ("group", "initiatorGroups"):
            return self._groups.get(value, f"#{value}")
        return "" if value is None else str(value)

    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        return [f"{path}: {message}" for path, messages in (properties or {}).items() for message in messages]

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        return {"versions": PolicyVersion.objects.all()[:5]}
