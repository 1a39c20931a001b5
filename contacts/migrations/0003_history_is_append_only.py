"""Nobody rewrites the history: a trigger refuses UPDATE and DELETE, but for the values that anonymization takes out."""

from django.db import migrations

CREATE = """
CREATE FUNCTION contacts_history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND current_setting('kontor.anonymizing', true) = 'on'
       AND (NEW.id, NEW.contact_id, NEW.version, NEW.executed_at, NEW.paths, NEW.initiator_system)
           = (OLD.id, OLD.contact_id, OLD.version, OLD.executed_at, OLD.paths, OLD.initiator_system)
       AND (NEW.initiator_member_id, NEW.initiator_contact_id, NEW.initiator_application_id)
           IS NOT DISTINCT FROM (OLD.initiator_member_id, OLD.initiator_contact_id, OLD.initiator_application_id)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The history is append-only: % of change set % refused.', TG_OP, OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER history_is_append_only BEFORE UPDATE OR DELETE ON contacts_changeset
    FOR EACH ROW EXECUTE FUNCTION contacts_history_is_append_only();
"""
DROP = """
DROP TRIGGER history_is_append_only ON contacts_changeset;
DROP FUNCTION contacts_history_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0002_channels_pictures_anonymization")]

    operations = [migrations.RunSQL(CREATE, DROP)]
