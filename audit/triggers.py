"""Database triggers that protect the ledger from every writer.

The ledger is append-only: only an erasure removes values from a subject's entries, and it is on record itself. Rules
that need a subject's own table are declared by the subject's app, on a proxy of the model: see `follows_versions`.
"""

import pgtrigger

from core.triggers import Guard, NeverEmptied, refuse

_REFUSED = refuse("The ledger is append-only: % of entry % refused.", "TG_OP", "OLD.id")

# The same as audit.commitments.entry_hash. An entry after one that is not chained yet, as those of the previous version
# are not, is chained later too (audit/chaining.py). The subject is locked, so that nobody else writes its next entry;
# if it were not, the entry before could be invisible here, which has the same effect.
_CHAIN = """
            IF NEW.commitments IS NULL THEN
                RETURN NEW;
            END IF;
            IF octet_length(NEW.commitments) <> 96 OR octet_length(NEW.salt) IS DISTINCT FROM 16 THEN
                {refused}
            END IF;
            IF NEW.sequence = 1 THEN
                previous := decode(repeat('00', 32), 'hex');
            ELSE
                SELECT entry_hash INTO previous FROM public.audit_entry
                 WHERE kind = NEW.kind AND subject_id = NEW.subject_id AND sequence = NEW.sequence - 1;
            END IF;
            NEW.entry_hash := sha256(
                'kontor-entry-1\\012'::bytea || previous || NEW.commitments || convert_to(concat(
                    NEW.kind, E'\\n', NEW.subject_id, E'\\n', NEW.sequence, E'\\n',
                    (extract(epoch FROM NEW.recorded_at) * 1000000)::bigint, E'\\n',
                    NEW.initiator_member_id, E'\\n', NEW.initiator_contact_id, E'\\n',
                    NEW.initiator_application_id, E'\\n', NEW.change_request_id, E'\\n',
                    NEW.correlation_id, E'\\n', NEW.initiator_system), 'UTF8'));
            RETURN NEW;
"""

OF_ENTRIES = [
    Guard(
        name="entries_are_chained",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("previous", "bytea")],
        func=_CHAIN.format(
            refused=refuse("Refused: an entry of % % is not committed to in full.", "NEW.kind", "NEW.subject_id")
        ),
    ),
    Guard(
        name="entries_are_append_only",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        # Erasure nulls values and comments, and their salt goes with them. An entry that the previous version wrote is
        # chained later, and gets its request where the request names the entry, as that version's do.
        func=f"""
            IF TG_OP = 'UPDATE'
               AND (NEW.id, NEW.kind, NEW.subject_id, NEW.sequence, NEW.recorded_at, NEW.paths, NEW.initiator_system)
                   = (OLD.id, OLD.kind, OLD.subject_id, OLD.sequence, OLD.recorded_at, OLD.paths, OLD.initiator_system)
               AND (NEW.transaction_id, NEW.initiator_member_id, NEW.initiator_contact_id, NEW.initiator_application_id)
                   IS NOT DISTINCT FROM
                   (OLD.transaction_id, OLD.initiator_member_id, OLD.initiator_contact_id, OLD.initiator_application_id)
               AND NEW.correlation_id IS NOT DISTINCT FROM OLD.correlation_id
            THEN
                IF OLD.entry_hash IS NULL
                   AND octet_length(NEW.entry_hash) = 32 AND octet_length(NEW.commitments) = 96
                   AND (NEW.change_request_id, NEW.changes, NEW.comment)
                       IS NOT DISTINCT FROM (OLD.change_request_id, OLD.changes, OLD.comment)
                   AND (OLD.commitments IS NULL
                        OR (NEW.salt, NEW.commitments) IS NOT DISTINCT FROM (OLD.salt, OLD.commitments))
                THEN
                    RETURN NEW;
                END IF;
                IF (NEW.commitments, NEW.entry_hash) IS DISTINCT FROM (OLD.commitments, OLD.entry_hash) THEN
                    {_REFUSED}
                END IF;
                IF NEW.change_request_id IS NOT DISTINCT FROM OLD.change_request_id
                   AND NEW.comment IS NULL
                   AND NEW.changes = public.contacts_without_values(OLD.changes)
                   AND EXISTS (
                       SELECT FROM public.audit_erasure WHERE kind = OLD.kind AND subject_id = OLD.subject_id)
                THEN
                    NEW.salt := CASE WHEN (NEW.changes, NEW.comment) IS NOT DISTINCT FROM (OLD.changes, OLD.comment)
                                     THEN OLD.salt END;
                    RETURN NEW;
                END IF;
                IF OLD.change_request_id IS NULL AND OLD.entry_hash IS NULL
                   AND (NEW.changes, NEW.comment, NEW.salt)
                       IS NOT DISTINCT FROM (OLD.changes, OLD.comment, OLD.salt)
                   AND EXISTS (
                       SELECT FROM public.changerequests_changerequest
                        WHERE id = NEW.change_request_id AND change_set_id = OLD.id)
                THEN
                    RETURN NEW;
                END IF;
            END IF;
            {_REFUSED}
        """,  # noqa: S608 - constants
    ),
    NeverEmptied(name="entries_are_never_emptied"),
]

OF_ERASURES = [
    Guard(
        name="erasures_are_append_only",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=refuse("Refused for % %: an erasure is neither changed nor undone.", "OLD.kind", "OLD.subject_id"),
    ),
    NeverEmptied(name="erasures_are_never_emptied"),
]


def follows_versions(*, name: str, kind: str, table: str) -> Guard:
    """Return the rule for a kind whose subjects count their changes in a column `version`.

    A new entry has the sequence of its subject's present version and follows the entry before it. Checked once per
    statement, so that COPY pays for one join per batch.
    """
    refusal = refuse(
        "Refused: an entry of version % does not follow in the history of % %.",
        "odd.sequence",
        "odd.kind",
        "odd.subject_id",
    )
    return Guard(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="written"),
        declare=[("odd", "record")],
        # Scalar subqueries run for each row and use an index. With NOT EXISTS beside OR, the planner might instead
        # build a hash of the whole ledger.
        func=f"""
            SELECT written.kind, written.subject_id, written.sequence INTO odd
              FROM written
             WHERE written.kind = '{kind}'
               AND ((SELECT subject.version FROM public.{table} subject WHERE subject.id = written.subject_id)
                    IS DISTINCT FROM written.sequence
                 OR written.sequence > 1 AND (
                        SELECT before.sequence FROM public.audit_entry before
                         WHERE before.kind = written.kind AND before.subject_id = written.subject_id
                           AND before.sequence = written.sequence - 1) IS NULL)
             LIMIT 1;
            IF FOUND THEN
                {refusal}
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - constants
    )
