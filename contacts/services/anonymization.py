"""Anonymization: erases personal data from every app and keeps what the institution must account for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.ends import end_closed_logins
from accounts.models import User
from administration.rights import RIGHTS
from audit import entries
from changerequests.models import ChangeRequest
from changerequests.queries.subjects import subjects_beside
from changerequests.services.erasure import erase_requests
from changerequests.services.submitting import request_of_many_if_required
from contacts.models import (
    ANONYMIZATION,
    CONTACT_DETAILS,
    CONTACT_KINDS,
    CONTACT_SCHEMA,
    KINDS_OF_PAIRS,
    Channel,
    Contact,
    ExternalConnection,
    ProfilePicture,
)
from contacts.placeholders import anonymized_details
from contacts.services.identity import discard_proposed_pictures
from core.anonymization import run_anonymization_handlers
from core.documents import Change, changes_between
from core.errors import UnprocessableEntity, map_lock_errors
from core.stored_files import discard_file
from events.services.numbering import number_all_events
from schemas.queries import current_schema

MAX_CONTACTS = 1000


IS_ANONYMIZED = "isAnonymized"


@dataclass(frozen=True, slots=True)
class Anonymization:
    """The contacts that were not anonymized before: they are now, or once the change request is approved."""

    contacts: Sequence[Contact]
    change_request: ChangeRequest | None = None


@transaction.atomic
def anonymize_contacts(
    *, actor: Actor, contact_ids: Sequence[int] = (), contact_uids: Sequence[UUID] = ()
) -> Anonymization:
    """Anonymize all these contacts or none, unless it waits; a request is about all of them.

    Fields flagged isKeptOnAnonymization stay, mandatory fields get placeholders; `erase_contacts` lists what else is
    erased. What was merged into a contact is anonymized with it, whichever of them is named. The history records who
    did it and when, without values. Locks the contacts in the order of their ids.
    Raises UnprocessableEntity: `UnknownContacts` with the contacts that do not exist or that the actor cannot see;
    `NothingToAnonymize`; `TooManyContacts`; `PendingChangeRequestExists`.
    """
    asked = len(contact_ids) + len(contact_uids)
    if not asked:
        raise UnprocessableEntity(_("Name at least one contact."), sub_code="NothingToAnonymize")
    if asked > MAX_CONTACTS:
        raise UnprocessableEntity(
            _("At most %(limit)s contacts can be anonymized at once.") % {"limit": MAX_CONTACTS},
            sub_code="TooManyContacts",
        )
    asked_for = Contact.objects.filter(Q(pk__in=contact_ids) | Q(uid__in=contact_uids)).order_by().values("pk")
    contacts = locked_with_merged(actor=actor, contact_ids=asked_for)
    _check_all_known(contacts, contact_ids, contact_uids)
    fresh = [contact for contact in contacts if contact.anonymized_at is None and contact.merged_into_id is None]
    request = request_of_many_if_required(
        kind=ANONYMIZATION,
        subjects={contact.pk: contact for contact in fresh},
        changes={contact.pk: [Change(IS_ANONYMIZED, False, True)] for contact in fresh},
        actor=actor,
    )
    if fresh and request is None:
        write_anonymization(actor=actor, contacts=[one for one in contacts if one.anonymized_at is None])
    return Anonymization(fresh, request)


def locked_with_merged(*, actor: Actor, contact_ids: Collection[int] | QuerySet[Any, Any]) -> list[Contact]:
    """Lock the contacts that answer for these ids, and all that were merged into them; return them by id.

    Leaves out what the actor cannot see. Raises HeldByOthers.
    """
    found = Contact.objects.visible_with_merged(actor).same_as(contact_ids).order_by("id")
    with map_lock_errors():
        contacts = list(found.select_for_update(of=("self",)).select_related("type").prefetch_related("participants"))
        # The transaction that they waited for may have merged another one into them, or them into another one.
        while {contact.pk for contact in contacts} != set(found.values_list("pk", flat=True)):
            contacts = list(
                found.select_for_update(of=("self",)).select_related("type").prefetch_related("participants")
            )
    return contacts


def _check_all_known(contacts: Sequence[Contact], ids: Sequence[int], uids: Sequence[UUID]) -> None:
    known_ids = {contact.pk for contact in contacts}
    known_uids = {contact.uid for contact in contacts}
    message = [_("There is no contact with this id that you can see.")]
    unknown = {f"contactIds[{index}]": message for index, pk in enumerate(ids) if pk not in known_ids}
    unknown |= {f"contactUIds[{index}]": message for index, uid in enumerate(uids) if uid not in known_uids}
    if unknown:
        raise UnprocessableEntity(
            _("Some contacts do not exist. None was anonymized."), sub_code="UnknownContacts", properties=unknown
        )


def write_anonymization(*, actor: Actor, contacts: Sequence[Contact], request: ChangeRequest | None = None) -> None:
    """Anonymize locked contacts in the name of the request's initiator, or of the actor.

    What was merged into them is among them. The comment of an approved request is not recorded: it is erased with
    everything else.
    """
    initiator = None if request is None else request.initiator_columns
    schema = current_schema(CONTACT_SCHEMA)
    for contact in contacts:
        document = anonymized_details(schema, contact.details)
        wiped = [Change(change.path, None, None) for change in changes_between(contact.details, document)]
        contact.details = document
        contact.username = None
        contact.version += 1
        contact.anonymized_at = timezone.now()
        contact.save(update_fields=["details", "username", "version", "anonymized_at"])
        entries.record(
            kind=CONTACT_DETAILS,
            subject_id=contact.pk,
            sequence=contact.version,
            actor=actor,
            changes=wiped,
            initiator=initiator,
            document=document,
        )
    # Who sees their events follows from values that are erased now.
    number_all_events()
    run_anonymization_handlers([contact.pk for contact in contacts])
    for contact in contacts:
        entries.record(
            kind=ANONYMIZATION,
            subject_id=contact.pk,
            sequence=1,
            actor=actor,
            changes=[Change(IS_ANONYMIZED, False, True)],
            initiator=initiator,
            # The request is about the contact that answers for the others.
            change_request_id=None if request is None or contact.merged_into_id is not None else request.pk,
        )


def erase_contacts(contact_ids: Sequence[int]) -> None:
    """Erase this app's other data about contacts: history values, channels, pictures, external ids, logins, log."""
    discard_proposed_pictures(contact_ids)
    for kind in CONTACT_KINDS:
        entries.erase(kind=kind, subject_ids=contact_ids)
    for kind in KINDS_OF_PAIRS:
        # Requests say something of both contacts, the entries of the other one nothing of these.
        entries.record_erasure(kind=kind, subject_ids=subjects_beside(kind, contact_ids))
    ExternalConnection.objects.filter(contact__in=contact_ids).delete()
    Channel.objects.filter(contact__in=contact_ids).delete()
    for picture in ProfilePicture.objects.filter(contact__in=contact_ids):
        discard_file(str(picture.file.name))
        picture.delete()
    close_logins(contact_ids)
    user_ids = list(User.objects.filter(contact__in=contact_ids).values_list("pk", flat=True))
    entries.erase(kind=RIGHTS, subject_ids=user_ids)
    erase_requests(RIGHTS, user_ids)
    log = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Contact))
    log.filter(object_id__in=[str(pk) for pk in contact_ids]).update(object_repr=F("object_id"), change_message="")


def erase_requests_about_pairs(kind: str, contact_ids: Sequence[int]) -> None:
    """Anonymize the requests of a kind about one of these contacts and another one."""
    erase_requests(kind, contact_ids, are_whole=True)


def close_logins(contact_ids: Sequence[int]) -> None:
    """Close the contacts' logins: deactivate the users and delete their passwords and names."""
    users = User.objects.filter(contact__in=contact_ids)
    closed = list(users.values_list("pk", flat=True))
    users.update(is_active=False, password=make_password(None), email="", first_name="", last_name="", language="")
    end_closed_logins(closed)
