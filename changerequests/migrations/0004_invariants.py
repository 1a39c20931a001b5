"""What is always true of a change request, whoever writes: kept by constraints and triggers.

It is decided or withdrawn once, and stays then as it is; while it is pending, what was asked for and
by whom stays as it is. Its change set is its contact's. None is ever deleted. Anonymization alone takes values out.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

GUARD = """
CREATE FUNCTION changerequests_are_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refused text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        refused := 'change requests are never deleted.';
    ELSIF (NEW.id, NEW.uid, NEW.contact_id, NEW.initiator_member_id, NEW.paths)
          IS DISTINCT FROM (OLD.id, OLD.uid, OLD.contact_id, OLD.initiator_member_id, OLD.paths) THEN
        refused := 'what was asked for, and by whom, stays as it is.';
    ELSIF (NEW.changes, NEW.initiator_comment) IS DISTINCT FROM (OLD.changes, OLD.initiator_comment)
          AND NOT changerequests_values_are_taken(OLD, NEW) THEN
        refused := 'what was asked for stays as it is.';
    ELSIF OLD.status <> 1 AND
          (NEW.status, NEW.created_at, NEW.reviewed_at, NEW.review_member_id, NEW.change_set_id)
          IS DISTINCT FROM (OLD.status, OLD.created_at, OLD.reviewed_at, OLD.review_member_id, OLD.change_set_id) THEN
        refused := 'it is decided.';
    ELSIF OLD.status <> 1 AND NEW.review_comment IS DISTINCT FROM OLD.review_comment
          AND NOT changerequests_values_are_taken(OLD, NEW) THEN
        refused := 'it is decided.';
    ELSIF NEW.change_set_id IS NOT NULL AND NOT EXISTS (
              SELECT FROM contacts_changeset WHERE id = NEW.change_set_id AND contact_id = NEW.contact_id) THEN
        refused := 'the change set is not its contact''s.';
    ELSE
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Refused for change request %: %', OLD.id, refused
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE FUNCTION changerequests_values_are_taken(held changerequests_changerequest, kept changerequests_changerequest)
    RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('kontor.anonymizing', true), '') = 'on'
       AND kept.changes = contacts_without_values(held.changes)
       AND kept.initiator_comment IS NULL
       AND kept.review_comment IS NULL
       AND EXISTS (SELECT FROM contacts_contact WHERE id = held.contact_id AND anonymized_at IS NOT NULL)
$$;
CREATE TRIGGER decided_once BEFORE UPDATE OR DELETE ON changerequests_changerequest
    FOR EACH ROW EXECUTE FUNCTION changerequests_are_decided_once();

CREATE TRIGGER requests_are_never_emptied BEFORE TRUNCATE ON changerequests_changerequest
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_history_is_never_emptied();
"""
UNGUARD = """
DROP TRIGGER decided_once ON changerequests_changerequest;
DROP TRIGGER requests_are_never_emptied ON changerequests_changerequest;
DROP FUNCTION changerequests_are_decided_once();
DROP FUNCTION changerequests_values_are_taken(changerequests_changerequest, changerequests_changerequest);
"""


class Migration(migrations.Migration):
    dependencies = [("changerequests", "0003_indexes_of_outcomes_and_dashboard"), ("contacts", "0005_invariants")]

    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        AddConstraintNotValid(
            model_name="changerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(change_set__isnull=True) | models.Q(status=2),
                name="approved_requests_alone_have_a_change_set",
            ),
        ),
    ]
