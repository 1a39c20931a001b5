"""The memory of an export does not grow with the number of rows."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from contacts.models import Contact
from tests.devstack.stack import ROOT
from tests.fixtures import without_triggers

ROWS = 50_000
MOST_GROWTH_MIB = 16
PROGRAM = """
import os, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from accounts.actor import system_actor
from importexport.exports.running import export_rows
from importexport.exports.selection import Selection
from importexport.models import ExportKind

class Quiet:
    def expect(self, total): pass
    def report(self, processed): pass

def export(query):
    chosen = Selection(ExportKind.CONTACTS, query)
    with open(os.devnull, "wb") as file:
        return len(export_rows(chosen, actor=system_actor("tests"), file=file, progress=Quiet()))

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

few = export("query { contacts(where: { id: { lte: %d } }) { items { } } }" % int(sys.argv[2]))
before = peak()
all_rows = export("")
print(few, all_rows, (peak() - before) // 1024)
"""


@pytest.mark.scale
@pytest.mark.django_db(transaction=True)
def test_fifty_thousand_rows_take_no_more_memory_than_a_hundred(make_contact):
    contact = make_contact()
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
               SELECT gen_random_uuid(), type_id, 'user-' || number, details, 1, now()
                 FROM contacts_contact, generate_series(1, %s) AS number""",
            [ROWS - 1],
        )
    hundredth = Contact.objects.order_by("pk").values_list("pk", flat=True)[99]
    assert contact.pk < hundredth
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, connection.settings_dict["NAME"], str(hundredth)],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    few, all_rows, growth = map(int, done.stdout.split())
    assert (few, all_rows) == (100, ROWS)
    assert growth <= MOST_GROWTH_MIB
