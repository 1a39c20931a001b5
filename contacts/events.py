"""Events about contacts: who receives them depends on the participants that a contact had at the time."""

from collections.abc import Collection, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from contacts.models import (
    ANONYMIZATION,
    CONTACT_ACCESS,
    CONTACT_CREATION,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    Contact,
)
from contacts.services.access import PARTICIPANTS
from events.kinds import ACCESS_CHANGED, Audience, EventKind, EventSubject

CONTACT = "contact"
CREATED, CHANGED = "contact.created", "contact.changed"

# What an entry says that the participants of its contact were before or after it.
_SAID = """
(SELECT ARRAY(SELECT jsonb_array_elements_text(change -> '{value}')::integer)
   FROM jsonb_array_elements({entry}.changes) change
  WHERE change ->> 'path' = '{path}'
    AND jsonb_typeof(change -> 'original') = 'array' AND jsonb_typeof(change -> 'target') = 'array')
"""
_BEFORE = _SAID.format(entry="entry", path=PARTICIPANTS, value="original")
_AFTER = _SAID.format(entry="entry", path=PARTICIPANTS, value="target")
# The participants right after an entry: what the next change of them says that they were before, or those of now.
# Anonymization numbers what is not numbered before it erases these values.
_SINCE = f"""
COALESCE(
    (SELECT before
       FROM audit_entry later
      CROSS JOIN LATERAL {_SAID.format(entry="later", path=PARTICIPANTS, value="original")} said (before)
      WHERE later.kind = '{CONTACT_ACCESS}' AND later.subject_id = entry.subject_id AND later.id > entry.id
      ORDER BY later.id LIMIT 1),
    ARRAY(SELECT participant_id FROM contacts_contactparticipant WHERE contact_id = entry.subject_id))
"""  # noqa: S608 - constants


class ContactEventKind(EventKind):
    subject = CONTACT
    scope = "contacts.read"
    audience = Audience(_SINCE)

    def __init__(self, key: str, types: Mapping[str, str | Promise]) -> None:
        self.key, self.types = key, types

    def subjects(self, ids: Collection[int]) -> Mapping[int, EventSubject]:
        contacts = Contact.objects.filter(pk__in=ids).order_by()
        return {pk: EventSubject(f"{CONTACT} {pk}", uid) for pk, uid in contacts.values_list("pk", "uid")}


class ContactDetailsEvents(ContactEventKind):
    has_versions = True

    type_sql = f"CASE entry.sequence WHEN 1 THEN '{CREATED}' ELSE '{CHANGED}' END"


class ContactAccessEvents(ContactEventKind):
    audience = Audience(f"COALESCE({_AFTER}, {_SINCE})", before=_BEFORE)


CONTACT_EVENTS = (
    ContactDetailsEvents(
        CONTACT_DETAILS, {CREATED: _("A contact was created"), CHANGED: _("Details of a contact were changed")}
    ),
    ContactAccessEvents(CONTACT_ACCESS, {ACCESS_CHANGED: _("Participants or members of a contact were changed")}),
    ContactEventKind(
        CONTACT_IDENTITY,
        {"contact.identity.changed": _("Type, username, external ids or picture of a contact were changed")},
    ),
    ContactEventKind(CONTACT_CREATION, {"contact.creation.approved": _("The creation of a contact was approved")}),
    ContactEventKind(ANONYMIZATION, {"contact.anonymized": _("A contact was anonymized")}),
)
