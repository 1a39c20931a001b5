"""The history of legal entities moves into the ledger, where its entries get new ids. It is small, and moves at once.

The previous version's processes still run. They write the history by its first name, which is a view from now on, until a
later version drops it. COPY needs the view's trigger.
"""

from django.db import migrations

from core.migration_operations import LockTables

MOVE = """
INSERT INTO public.audit_entry (
    kind, subject_id, sequence, recorded_at, transaction_id, initiator_member_id, initiator_contact_id,
    initiator_application_id, initiator_system, changes, paths)
SELECT 'legal-entity', legal_entity_id, version, executed_at, NULL, initiator_member_id, initiator_contact_id,
       initiator_application_id, initiator_system, changes, paths
  FROM public.legalentities_legalentitychangeset ORDER BY id;
ALTER TABLE public.legalentities_legalentitychangeset RENAME TO legalentities_moved_history;
"""

FIRST_NAME = """
CREATE VIEW public.legalentities_legalentitychangeset AS
    SELECT id, subject_id AS legal_entity_id, sequence AS version, recorded_at AS executed_at, initiator_member_id,
           initiator_contact_id, initiator_application_id, initiator_system, changes, paths
      FROM public.audit_entry WHERE kind = 'legal-entity';
CREATE FUNCTION public.legalentities_changeset_insert() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.audit_entry (
        id, kind, subject_id, sequence, recorded_at, initiator_member_id, initiator_contact_id,
        initiator_application_id, initiator_system, changes, paths)
    VALUES (
        coalesce(NEW.id, nextval('public.audit_entry_id_seq')), 'legal-entity', NEW.legal_entity_id, NEW.version,
        NEW.executed_at, NEW.initiator_member_id, NEW.initiator_contact_id, NEW.initiator_application_id,
        NEW.initiator_system, NEW.changes, NEW.paths)
    RETURNING id INTO NEW.id;
    RETURN NEW;
END
$$;
CREATE TRIGGER legalentities_changeset_insert INSTEAD OF INSERT ON public.legalentities_legalentitychangeset
    FOR EACH ROW EXECUTE FUNCTION public.legalentities_changeset_insert();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("legalentities", "0007_triggers_of_their_history"),
        # Until then, the ledger takes entries of contacts alone.
        ("contacts", "0018_versions_have_entries"),
    ]

    operations = [
        LockTables("legalentities_legalentitychangeset"),
        migrations.RunSQL(MOVE, state_operations=[migrations.DeleteModel("LegalEntityChangeSet")]),
        migrations.RunSQL(FIRST_NAME),
    ]
