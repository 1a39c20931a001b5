"""Events about contacts: who receives them depends on the participants that a contact had at the time."""

from collections.abc import Collection, Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.models import Entry
from contacts.models import (
    ANONYMIZATION,
    CONTACT_ACCESS,
    CONTACT_CREATION,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    Contact,
    ContactParticipant,
)
from contacts.services.access import PARTICIPANTS
from core.prepared import execute
from events.kinds import ACCESS_CHANGED, Audience, EventKind, EventSubject

CONTACT = "contact"
CREATED, CHANGED = "contact.created", "contact.changed"

# The participants of each contact right after an entry: what the next change of them says that they were before, or
# those of now. One statement, so that both come from one snapshot. Anonymization numbers what is not numbered before it
# erases these values.
_AUDIENCES = """
SELECT entry.id, before_and_after.before,
       COALESCE(
           before_and_after.after,
           (SELECT ARRAY(SELECT jsonb_array_elements_text(change -> 'original')::integer)
              FROM audit_entry later, jsonb_array_elements(later.changes) change
             WHERE later.kind = %s AND later.subject_id = entry.subject_id AND later.id > entry.id
               AND change ->> 'path' = %s AND jsonb_typeof(change -> 'original') = 'array'
             ORDER BY later.id LIMIT 1),
           ARRAY(SELECT participant_id FROM contacts_contactparticipant WHERE contact_id = entry.subject_id))
  FROM audit_entry entry
  LEFT JOIN LATERAL (
       SELECT ARRAY(SELECT jsonb_array_elements_text(change -> 'original')::integer) AS before,
              ARRAY(SELECT jsonb_array_elements_text(change -> 'target')::integer) AS after
         FROM jsonb_array_elements(entry.changes) change
        WHERE entry.kind = %s AND change ->> 'path' = %s
          AND jsonb_typeof(change -> 'original') = 'array' AND jsonb_typeof(change -> 'target') = 'array'
       ) before_and_after ON true
 WHERE entry.id = ANY(%s)
"""


class ContactEventKind(EventKind):
    subject = CONTACT
    scope = "contacts.read"

    def __init__(self, key: str, types: Mapping[str, str | Promise]) -> None:
        self.key, self.types = key, types

    def audiences(self, entries: Sequence[Entry]) -> Mapping[int, Audience]:
        access = (CONTACT_ACCESS, PARTICIPANTS)
        rows = execute(_AUDIENCES, [*access, *access, [entry.pk for entry in entries]])
        return {pk: Audience(after, before) for pk, before, after in rows}

    def subjects(self, ids: Collection[int]) -> Mapping[int, EventSubject]:
        contacts = Contact.objects.filter(pk__in=ids).order_by()
        return {pk: EventSubject(f"{CONTACT} {pk}", uid) for pk, uid in contacts.values_list("pk", "uid")}


class ContactDetailsEvents(ContactEventKind):
    has_versions = True

    def type_of(self, entry: Entry) -> str:
        return CREATED if entry.sequence == 1 else CHANGED


CONTACT_EVENTS = (
    ContactDetailsEvents(
        CONTACT_DETAILS, {CREATED: _("A contact was created"), CHANGED: _("Details of a contact were changed")}
    ),
    ContactEventKind(CONTACT_ACCESS, {ACCESS_CHANGED: _("Participants or members of a contact were changed")}),
    ContactEventKind(
        CONTACT_IDENTITY,
        {"contact.identity.changed": _("Type, username, external ids or picture of a contact were changed")},
    ),
    ContactEventKind(CONTACT_CREATION, {"contact.creation.approved": _("The creation of a contact was approved")}),
    ContactEventKind(ANONYMIZATION, {"contact.anonymized": _("A contact was anonymized")}),
)


def participants_of(contact_ids: Collection[int]) -> Mapping[int, set[int]]:
    """Return the participants of contacts, by the contact's id; contacts without any are left out."""
    found: dict[int, set[int]] = {}
    rows = ContactParticipant.objects.filter(contact__in=contact_ids).order_by()
    for contact_id, participant_id in rows.values_list("contact", "participant"):
        found.setdefault(contact_id, set()).add(participant_id)
    return found
