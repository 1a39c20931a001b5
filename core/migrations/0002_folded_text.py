"""The function in whose form people search and sort."""

from django.db import migrations

from core.folding import CREATE_FUNCTION


class Migration(migrations.Migration):
    dependencies = [("core", "0001_pending_file_deletions")]

    operations = [
        migrations.RunSQL(CREATE_FUNCTION, "DROP FUNCTION public.kontor_folded(text)"),
    ]
