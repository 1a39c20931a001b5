"""What the database keeps true of contacts and their history, whoever writes.

A contact's version never goes back, goes up by one at a time, and goes up whenever the details change. A change set is
written for the version that its contact has, after that of the version before. What was anonymized stays so. From the
history nothing but the values of an anonymized contact are ever taken, by the routine that says so, and nobody
empties the table.

The triggers of contacts have a condition, so that no function runs for a row that keeps the rules. The one that keeps
change sets in step runs once per statement: COPY writes a batch for the price of one join.
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
        # Subqueries that answer a value are asked for each row, by index. As NOT EXISTS beside OR, the version before
        # could also be looked for in a hash of the whole history.
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
        # Who anonymizes says so, for its transaction only. Should anybody else ever say it, no more can be done than
        # was done to this contact already: its values go, and nothing else changes.
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
