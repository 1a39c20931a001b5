"""Database triggers that protect contacts and their history from every writer.

A contact's version only ever goes up, by one, and goes up whenever the details change. An entry has its contact's
current version and follows the entry of the previous one. Anonymized contacts stay anonymized, and only their history
is erased. Contacts are never deleted. A merged contact stays as it is until the merge is undone, and both are in the
ledger.

The triggers on contacts have a condition, so that no function runs for rows that obey the rules.
"""

import pgtrigger

from audit.triggers import follows_versions
from changerequests.models.creations import Reservations, frees_reservations
from contacts.models import login_names
from core.triggers import Guard, NeverEmptied, VersionCountsChanges, refuse

CONTACT_DETAILS = "contact-details"
CONTACT_ACCESS = "contact-access"
ANONYMIZATION = "anonymization"
CONTACT_IDENTITY = "contact-identity"
CONTACT_CREATION = "contact-creation"
MERGE, UNMERGE = "merge", "unmerge"
# The kinds that are about two contacts: each of these has an entry and is a subject of the request.
KINDS_OF_PAIRS = (MERGE, UNMERGE)
# What the ledger and change requests have about contacts. Anonymization erases the values of all of it.
CONTACT_KINDS = (CONTACT_DETAILS, CONTACT_ACCESS, ANONYMIZATION, CONTACT_IDENTITY, CONTACT_CREATION, *KINDS_OF_PAIRS)

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
        name="merged_stays_as_it_is",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        # It is erased with the contact that answers for it.
        condition=pgtrigger.Condition(
            "OLD.merged_into_id IS NOT NULL AND NEW.anonymized_at IS NOT DISTINCT FROM OLD.anonymized_at"
            " AND (NEW.username, NEW.version, NEW.details, NEW.type_id)"
            " IS DISTINCT FROM (OLD.username, OLD.version, OLD.details, OLD.type_id)"
        ),
        func=refuse("Refused for contact %: it was merged, and stays as it is until that is undone.", "OLD.id"),
    ),
    Guard(
        name="new_contacts_are_not_merged",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition("NEW.merged_into_id IS NOT NULL"),
        func=refuse("Refused for contact %: a merge is recorded.", "NEW.id"),
    ),
    # Deferred, because several rows follow one merge.
    Guard(
        name="merges_are_recorded",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("merged_into_id"),
        timing=pgtrigger.Deferred,
        condition=pgtrigger.Condition("NEW.merged_into_id IS DISTINCT FROM OLD.merged_into_id"),
        declare=[("present", "integer"), ("recorded", "integer")],
        func=f"""
            SELECT merged_into_id INTO present FROM public.contacts_contact WHERE id = NEW.id;
            SELECT COALESCE(survivor.merged_into_id, survivor.id) INTO recorded
              FROM public.contacts_merge merge
              JOIN public.contacts_contact survivor ON survivor.id = merge.survivor_id
             WHERE merge.loser_id = NEW.id AND merge.undone_by_id IS NULL;
            IF present IS DISTINCT FROM recorded
            OR present IS NOT NULL AND EXISTS (SELECT FROM public.contacts_contact WHERE merged_into_id = NEW.id) THEN
                {refuse("Refused for contact %: a merge is recorded, and so is its end.", "NEW.id")}
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - constants
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
            -- What was to become of two contacts says something of both.
            OR NEW.kind IN ({", ".join(repr(kind) for kind in KINDS_OF_PAIRS)}) AND EXISTS (
                SELECT FROM public.changerequests_requestsubject subject
                  JOIN public.changerequests_requestsubject other
                    ON other.request_id = subject.request_id AND other.kind = subject.kind
                  JOIN public.contacts_contact contact ON contact.id = other.subject_id
                 WHERE subject.kind = NEW.kind AND subject.subject_id = NEW.subject_id
                   AND contact.anonymized_at IS NOT NULL)
            THEN
                RETURN NEW;
            END IF;
            {refuse("Refused for contact %: only the entries of an anonymized contact are erased.", "NEW.subject_id")}
        """,  # noqa: S608 - constants
    ),
]

_ENTRY_OF_LOSER = """
    EXISTS (SELECT FROM public.audit_entry WHERE id = NEW.{column} AND kind = '{kind}' AND subject_id = NEW.loser_id)
"""

OF_MERGES = [
    Guard(
        name="merges_have_entries",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            IF NEW.undone_by_id IS NOT NULL OR NEW.survivor_id = NEW.loser_id
            OR NOT {_ENTRY_OF_LOSER.format(column="made_by_id", kind=MERGE)} THEN
                {refuse("Refused: the merge of contact % is in the ledger before it counts.", "NEW.loser_id")}
            END IF;
            RETURN NEW;
        """,
    ),
    Guard(
        name="merges_are_undone_once",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            IF TG_OP = 'UPDATE'
               AND (NEW.id, NEW.survivor_id, NEW.loser_id, NEW.made_by_id, NEW.version_before, NEW.version_after,
                    NEW.before, NEW.after)
                   = (OLD.id, OLD.survivor_id, OLD.loser_id, OLD.made_by_id, OLD.version_before, OLD.version_after,
                      OLD.before, OLD.after)
               AND OLD.undone_by_id IS NULL
               AND {_ENTRY_OF_LOSER.format(column="undone_by_id", kind=UNMERGE)} THEN
                RETURN NEW;
            END IF;
            {refuse("Refused for merge %: it stays, and is undone once.", "OLD.id")}
        """,
    ),
    NeverEmptied(name="merges_are_never_emptied"),
]


def follow_survivor(table: str, column: str) -> list[Guard]:
    """Return the triggers by which merged contacts keep the links of the contact that answers for them.

    `column` is what a row of `table` links a contact to. So an actor that sees one of them sees the other.
    """
    merged = """
        FROM {rows} JOIN public.contacts_contact merged ON merged.merged_into_id = {rows}.contact_id
    """
    return [
        Guard(
            name=f"merged_get_{column}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="written"),
            # The check ends the recursion: the trigger runs for statements that write nothing too.
            func=f"""
                IF EXISTS (SELECT {merged.format(rows="written")}) THEN
                    INSERT INTO public.{table} (contact_id, {column}_id)
                    SELECT merged.id, written.{column}_id {merged.format(rows="written")}
                    ON CONFLICT DO NOTHING;
                END IF;
                RETURN NULL;
            """,
        ),
        Guard(
            name=f"merged_lose_{column}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Delete,
            referencing=pgtrigger.Referencing(old="removed"),
            func=f"""
                IF EXISTS (SELECT {merged.format(rows="removed")}) THEN
                    DELETE FROM public.{table} link
                     USING (SELECT merged.id, removed.{column}_id {merged.format(rows="removed")}) AS gone
                     WHERE link.contact_id = gone.id AND link.{column}_id = gone.{column}_id;
                END IF;
                RETURN NULL;
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
