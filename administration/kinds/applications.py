"""The kind of change request for client applications."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.models import ClientApplication
from accounts.registration import thumbprint
from administration.applications import APPLICATION, FOR_ITSELF, FOR_PEOPLE
from administration.kinds.documents import AdministeredKind, AdministeredPresenter
from administration.queries.applications import applications_with_documents, document_of_application
from administration.services.applications import (
    LockedApplication,
    check_may_change_application,
    checked_application,
    locked_application,
    write_application,
)
from changerequests.kinds import NO_UID, SubjectView, listed_columns
from changerequests.models import ChangeRequest
from changerequests.presentation import Mark, Shown
from core.documents import Change, changes_between, value_at, with_values
from core.errors import UnprocessableEntity

LABELS = {
    "name": _("Name"),
    "grant": _("Acts"),
    "isPublic": _("Public client"),
    "scopes": _("Scopes"),
    "carriesDecisions": _("Relays decisions"),
    "participants": _("Participants"),
    "seesAllContacts": _("Sees all contacts"),
    "redirectUris": _("Redirect addresses"),
    "origins": _("Origins"),
    "owner": _("Owner"),
    "isSecretDue": _("A new secret"),
    "publicKeys": _("Public keys"),
    "secret": _("Secret works"),
    "previousSecret": _("Previous secret works"),
}
GRANTS = {FOR_ITSELF: _("for itself (client credentials)"), FOR_PEOPLE: _("for people (authorization code)")}
VIEW = "accounts.view_clientapplication"


class ApplicationKind(AdministeredKind):
    """A client application, or a new secret for it."""

    key = APPLICATION
    label = _("Client application")
    subject_label = _("client application")
    seen_with = (VIEW, "accounts.add_clientapplication", "accounts.change_clientapplication")
    is_about_members = True
    labels = LABELS

    def search(self, term: str) -> QuerySet[Any, Any]:
        found = Q(name__icontains=term) | Q(client_id__icontains=term)
        return ClientApplication.objects.filter(found).order_by().values("pk")

    def of_participant(self, participant_id: int) -> QuerySet[Any, Any] | None:
        return ClientApplication.objects.filter(participants=participant_id).order_by().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        applications = ClientApplication.objects.filter(pk__in=ids)
        rows: Iterable[Any] = applications_with_documents(applications) if with_documents else applications
        return {
            row.pk: SubjectView(row.pk, None, row.name, document_of_application(row) if with_documents else {}, row)
            for row in rows
        }

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        rows = applications_with_documents(ClientApplication.objects.filter(pk__in=ids))
        document = "document" if with_documents else None
        return listed_columns(rows, kind=self.key, uid=NO_UID, name="name", document=document)

    def lock(self, *, actor: Actor, subject_id: int) -> LockedApplication:
        return locked_application(subject_id)

    def apply(
        self, *, actor: Actor, subject: LockedApplication, changes: Sequence[Change], request: ChangeRequest
    ) -> None:
        values = {change.path: change.target for change in changes}
        wanted = checked_application(subject, values)
        if {change.path: change.target for change in changes_between(subject.document, wanted)} != values:
            raise UnprocessableEntity(
                gettext("What an application sees follows from its scopes and participants: approve them together."),
                sub_code="ValidationFailed",
            )
        write_application(actor=actor, locked=subject, changes=changes, request=request)

    def amended(self, *, actor: Actor, subject: LockedApplication, document: Mapping[str, Any]) -> Sequence[Change]:
        changes = changes_between(subject.document, checked_application(subject, document))
        check_may_change_application(actor, subject, changes)
        return changes

    def about_member(self, subject: LockedApplication, changes: Sequence[Change]) -> int | None:
        """Return the owner, who holds or will hold the secret."""
        owner: int | None = value_at(
            with_values(subject.document, {change.path: change.target for change in changes}), "owner"
        )
        return owner

    def excluded_members(self, subject: LockedApplication) -> Collection[int]:
        """Return the owner until now, and who holds a secret."""
        owner = subject.application.owner_id
        return subject.application.secret_holders | (set() if owner is None else {owner})

    def presenter(self) -> "ApplicationPresenter":
        return ApplicationPresenter(self.key, self.labels)


class ApplicationPresenter(AdministeredPresenter):
    """Presents applications, with a link to their page."""

    def text(self, value: Any, *, name: str) -> str:
        return str(GRANTS[value]) if name == "grant" and value in GRANTS else super().text(value, name=name)

    def shown(self, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None, name: str = "") -> Shown:
        """Return a value for display; a public key by its id, algorithm and thumbprint (RFC 7638)."""
        if name == "publicKeys" and isinstance(value, dict):
            return Shown(text=f"{value['kid']} · {value['alg']} · {thumbprint(value)}", mark=mark)
        return super().shown(value, mark, beside=beside, name=name)

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        if not user.has_perm(VIEW):
            return None
        return reverse("admin:accounts_clientapplication_change", args=[subject.id])
