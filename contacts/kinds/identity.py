"""The kind of change request for what a contact is called and shown by."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from changerequests.policies import Facts, Initiator, KindPolicy, profiles
from changerequests.presentation import Mark, ReviewedChange, Shown
from contacts.kinds.contacts import ContactDocumentKind, ContactPresenter
from contacts.models import CONTACT_IDENTITY, ExternalConnection, ProfilePicture
from contacts.services.identity import (
    CONNECTIONS,
    PICTURE,
    TYPE,
    USERNAME,
    LockedIdentity,
    check_identity,
    locked_identity,
    write_identity,
)
from contacts.services.usernames import username_in_form
from contacts.snapshots import check_is_subject, facts_of_contact
from core.documents import Change

LABELS = {
    TYPE: _("Type"),
    USERNAME: _("Username"),
    CONNECTIONS: _("External ids"),
    PICTURE: _("Picture"),
    "system": _("System"),
    "externalId": _("External id"),
}
_CONNECTIONS = (
    ExternalConnection.objects.filter(contact=OuterRef("pk"))
    .order_by("pk")
    .values(shown=JSONObject(system="system", externalId="external_id"))
)
_PICTURE = ProfilePicture.objects.filter(contact=OuterRef("pk")).values(shown=JSONObject(file="file", sha256="sha256"))
# A contact's identity, as a column of its row.
_DOCUMENT = JSONObject(
    **{
        TYPE: F("type_id"),
        USERNAME: F("username"),
        CONNECTIONS: ArraySubquery(_CONNECTIONS),
        PICTURE: Subquery(_PICTURE),
    }
)


class ContactIdentityKind(ContactDocumentKind):
    """A change of a contact's type, username, external ids or picture."""

    key = CONTACT_IDENTITY
    label = _("Identity of a contact")
    profiles = profiles(waits=False)
    document = _DOCUMENT

    def lock(self, *, actor: Actor, subject_id: int) -> LockedIdentity:
        subject = locked_identity(actor=actor, contact_id=subject_id)
        check_is_subject(subject.contact, subject_id)
        return subject

    def apply(
        self, *, actor: Actor, subject: LockedIdentity, changes: Sequence[Change], request: ChangeRequest
    ) -> None:
        write_identity(actor=actor, subject=subject, changes=changes, request=request)

    def document_of(self, subject: LockedIdentity) -> Mapping[str, Any]:
        return subject.document

    def amended(self, *, actor: Actor, subject: LockedIdentity, document: Mapping[str, Any]) -> Sequence[Change]:
        """Return the changes to the username and the external ids that the document adds; a picture is sent again."""
        wanted = {USERNAME: username_in_form(document[USERNAME])} if USERNAME in document else {}
        connections = subject.connections_with(document.get(CONNECTIONS, ()))
        changes = subject.changes(**wanted, **{CONNECTIONS: connections})
        check_identity(subject, changes)
        return changes

    def facts(self, subject: LockedIdentity, policy: KindPolicy, initiator: Initiator) -> Facts:
        return facts_of_contact(subject.contact, policy, initiator)

    def presenter(self) -> "IdentityPresenter":
        return IdentityPresenter(CONTACT_IDENTITY, LABELS)


class IdentityPresenter(ContactPresenter):
    """Presents pictures themselves for review, and by their hash in the history."""

    def shown(self, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None, name: str = "") -> Shown:
        if name == PICTURE and value is not None:
            return Shown(text=value["sha256"][:12] or str(_("Picture")), mark=mark)
        return super().shown(value, mark, beside=beside, name=name)

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        """Like that of the base, with the pictures that are and would be shown side by side."""
        pictures = next((change for change in changes if change["path"] == PICTURE), None)
        now = document.get(PICTURE) if is_open or pictures is None else pictures["original"]
        return [
            change
            if change.path != PICTURE or pictures is None
            else replace(
                change, current=_image(now, change.current), proposed=_image(pictures["target"], change.proposed)
            )
            for change in super().reviewed_changes(changes, document=document, is_open=is_open)
        ]


def _image(picture: Mapping[str, Any] | None, shown: Shown) -> Shown:
    if picture is None:
        return shown
    name = picture["file"].rpartition("/")[2]
    return replace(shown, image=reverse("admin:contacts_contact_picture_file", args=[name]))
