"""Database triggers that protect contacts and their history from every writer.

A contact's version only ever goes up, by one, and goes up whenever the details change. A change set has its contact's
current version and follows the change set of the previous one. Anonymized contacts stay anonymized. The history is
append-only: only anonymization removes values from it, and nobody can truncate the table.

The triggers on contacts have a condition, so that no function runs for rows that obey the rules. The check of the order
of change sets runs once per statement, so that COPY pays for one join per batch.
"""

import pgtrigger

from core.triggers import Guard, NeverEmptied, VersionCountsChanges, refuse

OF_CONTACTS = [
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
]

_DOES_NOT_FOLLOW = refuse(
    "Refused: a change set of version % does not follow in the history of contact %.", "odd.version", "odd.contact_id"
)
OF_CHANGE_SETS = [
    Guard(
        name="history_follows_versions",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="written"),
        declare=[("odd", "record")],
        # Scalar subqueries run for each row and use an index. With NOT EXISTS beside OR, the planner might instead
        # build a hash of the whole history.
        func=f"""
            SELECT written.contact_id, written.version INTO odd
              FROM written
             WHERE written.version <> (
                       SELECT contact.version FROM public.contacts_contact contact
                        WHERE contact.id = written.contact_id)
                OR written.version > 1 AND (
                       SELECT before.version FROM public.contacts_changeset before
                        WHERE before.contact_id = written.contact_id AND before.version = written.version - 1) IS NULL
             LIMIT 1;
            IF FOUND THEN
                {_DOES_NOT_FOLLOW}
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - constants
    ),
    Guard(
        name="history_is_append_only",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        # Anonymization sets `kontor.anonymizing` for its transaction. Anybody else who sets it can only repeat what was
        # done to an anonymized contact: remove its values and change nothing else.
        func=f"""
            IF TG_OP = 'UPDATE'
               AND current_setting('kontor.anonymizing', true) = 'on'
               AND (NEW.id, NEW.contact_id, NEW.version, NEW.executed_at, NEW.paths, NEW.initiator_system)
                   = (OLD.id, OLD.contact_id, OLD.version, OLD.executed_at, OLD.paths, OLD.initiator_system)
               AND (NEW.initiator_member_id, NEW.initiator_contact_id, NEW.initiator_application_id)
                   IS NOT DISTINCT FROM
                   (OLD.initiator_member_id, OLD.initiator_contact_id, OLD.initiator_application_id)
               AND NEW.comment IS NULL
               AND NEW.changes = public.contacts_without_values(OLD.changes)
               AND EXISTS (
                   SELECT FROM public.contacts_contact WHERE id = OLD.contact_id AND anonymized_at IS NOT NULL)
            THEN
                RETURN NEW;
            END IF;
            {refuse("The history is append-only: % of change set % refused.", "TG_OP", "OLD.id")}
        """,
    ),
    NeverEmptied(name="history_is_never_emptied"),
]
