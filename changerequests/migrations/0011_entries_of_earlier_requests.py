"""The entries of requests that were approved before the ledger name them too."""

from django.db import migrations

# In batches, each in a transaction of its own. A request that is approved meanwhile is handed over by its trigger.
BATCH = """
WITH named AS (
    SELECT request.id, request.change_set_id
      FROM public.changerequests_changerequest request
      JOIN public.audit_entry entry ON entry.id = request.change_set_id
     WHERE request.id > %s AND entry.change_request_id IS NULL
     ORDER BY request.id LIMIT 1000
), written AS (
    UPDATE public.audit_entry entry SET change_request_id = named.id
      FROM named WHERE entry.id = named.change_set_id
)
SELECT max(id) FROM named
"""


def name_requests(apps, schema_editor):
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while last is not None:
            cursor.execute(BATCH, [last])
            (last,) = cursor.fetchone()


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("changerequests", "0010_rules_of_requests_in_the_ledger")]

    operations = [
        migrations.RunPython(name_requests, migrations.RunPython.noop),
        migrations.RunSQL("ALTER TABLE public.audit_entry VALIDATE CONSTRAINT entry_change_request_exists"),
    ]
