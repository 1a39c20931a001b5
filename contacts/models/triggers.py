"""Database triggers that protect contacts and their history from every writer.

A contact's version only ever goes up, by one, and goes up whenever the details change. An entry has its contact's
current version and follows the entry of the previous one. Anonymized contacts stay anonymized, and only their history
is erased. Contacts are never deleted.

The triggers on contacts have a condition, so that no function runs for rows that obey the rules.
"""

import pgtrigger

from audit.triggers import follows_versions
from changerequests.models.creations import Reservations, frees_reservations
from contacts.models import login_names
from core.triggers import Guard, VersionCountsChanges, refuse

CONTACT_DETAILS = "contact-details"
CONTACT_ACCESS = "contact-access"
ANONYMIZATION = "anonymization"
CONTACT_IDENTITY = "contact-identity"
CONTACT_CREATION = "contact-creation"
# What the ledger and change requests have about contacts. Anonymization erases the values of all of it.
CONTACT_KINDS = (CONTACT_DETAILS, CONTACT_ACCESS, ANONYMIZATION, CONTACT_IDENTITY, CONTACT_CREATION)

# The constraints that refuse a username or an external id which a contact has, or one that is pending approval.
USERNAME_TAKEN = login_names.USERNAME_TAKEN
USERNAME_RESERVED = "contact_username_reserved"
EXTERNAL_ID_TAKEN = "external_id_unique"
EXTERNAL_ID_RESERVED = "external_id_reserved"

# The system of the import.
DEFAULT_SYSTEM = "Default"

_USERNAMES = Reservations(
    column="username",
    rows="contacts_contact",
    row_subject="id",
    reserved="contacts_waitingcontact",
    reserved_subject="id",
    row_constraint=USERNAME_TAKEN,
    reserved_constraint=USERNAME_RESERVED,
    is_case_ignored=True,
)
_EXTERNAL_IDS = Reservations(
    column="external_id",
    rows="contacts_externalconnection",
    row_subject="contact_id",
    reserved="contacts_reservedexternalid",
    reserved_subject="contact_id",
    row_constraint=EXTERNAL_ID_TAKEN,
    reserved_constraint=EXTERNAL_ID_RESERVED,
)

OF_CONTACTS = [
    *_USERNAMES.of_rows(),
    *login_names.OF_CONTACTS,
    VersionCountsChanges(name="version_counts_changes"),
    Guard(
        name="anonymized_stays_anonymized",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.anonymized_at IS NOT NULL"
            " AND (NEW.anonymized_at, NEW.username, NEW.version, NEW.details)"
            " IS DISTINCT FROM (OLD.anonymized_at, OLD.username, OLD.version, OLD.details)"
        ),
        func=refuse("Refused for contact %: what was anonymized stays so.", "OLD.id"),
    ),
    Guard(
        name="identity_is_fixed",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf("id", "uid"),
        condition=pgtrigger.AnyChange("id", "uid"),
        func=refuse("Refused for contact %: its id and its uid stay what they are.", "OLD.id"),
    ),
    Guard(
        name="contacts_are_never_deleted",
        when=pgtrigger.Before,
        operation=pgtrigger.Delete,
        func=refuse("Refused for contact %: a contact that has a history is never deleted.", "OLD.id"),
    ),
]

OF_ENTRIES = [follows_versions(name="contact_follows_versions", kind=CONTACT_DETAILS, table="contacts_contact")]

OF_ERASURES = [
    Guard(
        name="only_of_anonymized_contacts",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition(f"NEW.kind IN ({', '.join(repr(kind) for kind in CONTACT_KINDS)})"),
        # What was never created is erased too, once nobody can approve it any more.
        func=f"""
            IF EXISTS (
                SELECT FROM public.contacts_contact WHERE id = NEW.subject_id AND anonymized_at IS NOT NULL)
            OR NEW.kind = '{CONTACT_CREATION}' AND EXISTS (
                SELECT FROM public.contacts_waitingcontact WHERE id = NEW.subject_id AND closed_at IS NOT NULL)
               AND NOT EXISTS (SELECT FROM public.contacts_contact WHERE id = NEW.subject_id)
            THEN
                RETURN NEW;
            END IF;
            {refuse("Refused for contact %: only the entries of an anonymized contact are erased.", "NEW.subject_id")}
        """,  # noqa: S608 - constants
    ),
]

OF_CONNECTIONS = _EXTERNAL_IDS.of_rows()

OF_SYSTEMS = [
    Guard(
        name="systems_in_use_keep_their_names",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf("name") | pgtrigger.Delete,
        func=f"""
            IF TG_OP = 'UPDATE' AND NEW.name = OLD.name THEN
                RETURN NEW;
            END IF;
            IF OLD.name = '{DEFAULT_SYSTEM}'
            OR EXISTS (SELECT FROM public.contacts_externalconnection WHERE system = OLD.name) THEN
                {refuse("Refused for system %: contacts have ids in it.", "OLD.name")}
            END IF;
            IF TG_OP = 'UPDATE' THEN
                RETURN NEW;
            END IF;
            RETURN OLD;
        """,
    ),
]

OF_WAITING_CONTACTS = [*_USERNAMES.of_reservations(), *login_names.OF_WAITING_CONTACTS]

OF_RESERVED_EXTERNAL_IDS = _EXTERNAL_IDS.of_reservations()

OF_SUBJECTS = [
    frees_reservations(
        name="contact_waits_no_longer",
        kind=CONTACT_CREATION,
        statements="""
            UPDATE public.contacts_waitingcontact SET username = NULL, closed_at = now() WHERE id = NEW.subject_id;
            DELETE FROM public.contacts_reservedexternalid WHERE contact_id = NEW.subject_id;
        """,
    )
]
