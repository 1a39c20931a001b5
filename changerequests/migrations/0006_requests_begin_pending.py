"""A change request begins as one that waits, whoever writes it: nobody inserts a decision.

The trigger has a condition, so that no function runs for a row that keeps the rule. Restoring a backup creates
triggers after the rows.
"""

from django.db import migrations

BEGIN = """
CREATE FUNCTION changerequests_begin_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Refused for contact %: a change request begins pending, and is decided afterwards.', NEW.contact_id
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER begun_pending BEFORE INSERT ON changerequests_changerequest FOR EACH ROW
    WHEN (NEW.status <> 1 OR NEW.review_member_id IS NOT NULL OR NEW.reviewed_at IS NOT NULL
          OR NEW.review_comment IS NOT NULL OR NEW.change_set_id IS NOT NULL OR NEW.is_outcome_due)
    EXECUTE FUNCTION changerequests_begin_pending();
"""
NO_BEGIN = """
DROP TRIGGER begun_pending ON changerequests_changerequest;
DROP FUNCTION changerequests_begin_pending();
"""


class Migration(migrations.Migration):
    dependencies = [("changerequests", "0005_validate_invariants")]

    operations = [migrations.RunSQL(BEGIN, NO_BEGIN)]
