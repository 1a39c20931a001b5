"""What is reserved is free again once its request is closed."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0026_external_ids_are_not_reserved"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="subjectofcontactrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="contact_waits_no_longer",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.kind = 'contact-creation' AND OLD.is_open AND NOT NEW.is_open)",
                    func="\n            \n            UPDATE public.contacts_waitingcontact SET username = NULL, closed_at = now() WHERE id = NEW.subject_id;\n            DELETE FROM public.contacts_reservedexternalid WHERE contact_id = NEW.subject_id;\n        \n            RETURN NULL;\n        ",
                    hash="7837eb4f9c24930607048dbbe9b41aea252ae42d",
                    operation='UPDATE OF "is_open"',
                    pgid="pgtrigger_contact_waits_no_longer_f29b6",
                    table="changerequests_requestsubject",
                    when="AFTER",
                ),
            ),
        ),
    ]
