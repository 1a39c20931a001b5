"""The table from which the history of legal entities has moved. Only this migration's predecessors know its name."""

from django.db import migrations

from core.migration_operations import LockTables

DROP = """
DROP TABLE public.legalentities_moved_history;
DROP FUNCTION public.pgtrigger_history_is_append_only_b2811();
DROP FUNCTION public.pgtrigger_history_is_never_emptied_276c5();
"""


class Migration(migrations.Migration):
    dependencies = [("legalentities", "0011_validate_entries")]

    operations = [
        # Dropping a table locks those that it refers to.
        LockTables(
            "contacts_contact",
            "legalentities_legalentity",
            "accounts_member",
            "accounts_clientapplication",
            "legalentities_moved_history",
        ),
        migrations.RunSQL(DROP),
    ]
