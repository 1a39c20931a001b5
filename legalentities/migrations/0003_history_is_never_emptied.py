"""Nor does anybody empty the history of legal entities, and their version counts their changes."""

from django.db import migrations

GUARD = """
CREATE TRIGGER history_is_never_emptied BEFORE TRUNCATE ON legalentities_legalentitychangeset
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_history_is_never_emptied();
CREATE FUNCTION legalentities_version_is_refused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Refused for legal entity %: the version goes up by one with every change of the details.', OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER version_counts_changes BEFORE UPDATE ON legalentities_legalentity FOR EACH ROW
    WHEN (NEW.version <> OLD.version AND NEW.version <> OLD.version + 1
          OR NEW.version = OLD.version AND NEW.details IS DISTINCT FROM OLD.details)
    EXECUTE FUNCTION legalentities_version_is_refused();
"""
UNGUARD = """
DROP TRIGGER history_is_never_emptied ON legalentities_legalentitychangeset;
DROP TRIGGER version_counts_changes ON legalentities_legalentity;
DROP FUNCTION legalentities_version_is_refused();
"""


class Migration(migrations.Migration):
    dependencies = [("legalentities", "0002_link_and_append_only_history"), ("contacts", "0005_invariants")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
