"""Every version of a contact has its entry in the ledger, by a foreign key that is checked when a transaction ends.

It takes the place of the history's foreign key to contacts, which a ledger of many kinds cannot have. Nothing looks at the
rows here: both constraints are validated afterwards.
"""

import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import core.triggers
from core.migration_operations import LockTables

KEYS = """
ALTER TABLE public.audit_entry DROP CONSTRAINT contacts_changeset_contact_id_6124debf_fk_contacts_contact_id;
ALTER TABLE public.contacts_contact ADD CONSTRAINT contact_version_has_its_entry
    FOREIGN KEY (entry_kind, id, version) REFERENCES public.audit_entry (kind, subject_id, sequence)
    DEFERRABLE INITIALLY DEFERRED NOT VALID;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0017_history_in_the_ledger"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [
        LockTables("contacts_contact", "audit_entry"),
        migrations.AddField(
            model_name="contact",
            name="entry_kind",
            field=models.CharField(
                db_default="contact-details", default="contact-details", editable=False, max_length=40
            ),
        ),
        AddConstraintNotValid(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("entry_kind", "contact-details")), name="contact_entry_kind_is_contact_details"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="contacts_are_never_deleted",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'Refused for contact %: a contact that has a history is never deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="920dd37f043f941a0baf66e1a96453423d326577",
                    operation="DELETE",
                    pgid="pgtrigger_contacts_are_never_deleted_e5577",
                    table="contacts_contact",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(KEYS),
    ]
