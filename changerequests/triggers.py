"""Database triggers that protect change requests from every writer.

A request is inserted as pending, never as decided. It is decided or cancelled once and stays that way; its changes and
its initiator never change. Requests are never deleted, and only anonymization removes values. A ledger entry names only
an approved request about its own subject.

The previous version has the request name its entry, in the column `change_set_id`. Its processes may still run: what
they write there is checked, and the entry takes over the request.
"""

import pgtrigger

from core.triggers import Guard, NeverEmptied, refuse

OF_REQUESTS = [
    # The condition keeps the function from running for rows that obey the rule.
    Guard(
        name="begun_pending",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition(
            "NEW.status <> 1 OR NEW.review_member_id IS NOT NULL OR NEW.reviewed_at IS NOT NULL"
            " OR NEW.review_comment IS NOT NULL OR NEW.change_set_id IS NOT NULL OR NEW.is_outcome_due"
        ),
        func=refuse(
            "Refused for contact %: a change request begins pending, and is decided afterwards.", "NEW.contact_id"
        ),
    ),
    Guard(
        name="decided_once",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        declare=[("refused", "text"), ("values_are_taken", "boolean := false")],
        func=f"""
            IF TG_OP = 'UPDATE' AND current_setting('kontor.anonymizing', true) = 'on' THEN
                values_are_taken :=
                    NEW.changes = public.contacts_without_values(OLD.changes)
                    AND NEW.initiator_comment IS NULL
                    AND NEW.review_comment IS NULL
                    AND EXISTS (
                        SELECT FROM public.contacts_contact WHERE id = OLD.contact_id AND anonymized_at IS NOT NULL);
            END IF;
            IF TG_OP = 'DELETE' THEN
                refused := 'change requests are never deleted.';
            ELSIF (NEW.id, NEW.uid, NEW.contact_id, NEW.initiator_member_id, NEW.paths)
                  IS DISTINCT FROM (OLD.id, OLD.uid, OLD.contact_id, OLD.initiator_member_id, OLD.paths) THEN
                refused := 'what was asked for, and by whom, stays as it is.';
            ELSIF (NEW.changes, NEW.initiator_comment) IS DISTINCT FROM (OLD.changes, OLD.initiator_comment)
                  AND NOT values_are_taken THEN
                refused := 'what was asked for stays as it is.';
            ELSIF OLD.status <> 1 AND
                  (NEW.status, NEW.created_at, NEW.reviewed_at, NEW.review_member_id, NEW.change_set_id)
                  IS DISTINCT FROM
                  (OLD.status, OLD.created_at, OLD.reviewed_at, OLD.review_member_id, OLD.change_set_id) THEN
                refused := 'it is decided.';
            ELSIF OLD.status <> 1 AND NEW.review_comment IS DISTINCT FROM OLD.review_comment
                  AND NOT values_are_taken THEN
                refused := 'it is decided.';
            ELSIF NEW.change_set_id IS NOT NULL AND NOT EXISTS (
                      SELECT FROM public.audit_entry
                       WHERE id = NEW.change_set_id AND kind = 'contact-details' AND subject_id = NEW.contact_id) THEN
                refused := 'the change set is not its contact''s.';
            ELSE
                RETURN NEW;
            END IF;
            {refuse("Refused for change request %: %", "OLD.id", "refused")}
        """,  # noqa: S608 - constants
    ),
    NeverEmptied(name="requests_are_never_emptied"),
    Guard(
        name="entry_takes_over_request",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("change_set_id"),
        condition=pgtrigger.Condition("NEW.change_set_id IS NOT NULL AND OLD.change_set_id IS NULL"),
        func="""
            UPDATE public.audit_entry SET change_request_id = NEW.id
             WHERE id = NEW.change_set_id AND change_request_id IS NULL;
            RETURN NULL;
        """,
    ),
]

OF_ENTRIES = [
    # Deferred, because the request is approved after its changes are made.
    Guard(
        name="request_is_approved",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        condition=pgtrigger.Condition("NEW.change_request_id IS NOT NULL"),
        func=f"""
            IF NOT EXISTS (
                SELECT FROM public.changerequests_changerequest
                 WHERE id = NEW.change_request_id AND status = 2
                   AND NEW.kind = 'contact-details' AND contact_id = NEW.subject_id)
            THEN
                {refuse("Refused: entry % names a request that is not an approved one of its subject.", "NEW.id")}
            END IF;
            RETURN NULL;
        """,
    ),
]
