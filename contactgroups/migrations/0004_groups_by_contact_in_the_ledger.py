"""An index for the groups that a contact was ever in, made while others go on writing."""

from django.db import migrations

CREATE = """
CREATE INDEX CONCURRENTLY IF NOT EXISTS group_entry_by_path ON public.audit_entry USING gin (paths)
    WITH (fastupdate = off) WHERE kind = 'contact-group'
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contactgroups", "0003_requests_about_groups")]

    operations = [
        migrations.RunSQL(CREATE, "DROP INDEX CONCURRENTLY IF EXISTS public.group_entry_by_path"),
    ]
