"""Copies of the tree that are other versions: their answers carry a name, and one has a column more."""

import re
import shutil
from pathlib import Path

from tests.faults.steady_load import VERSION_HEADER
from tests.fingerprints import ROOT

_NOT_COPIED = shutil.ignore_patterns(".*", "var", "tests", "docs", "benchmarks", "__pycache__", "*.egg-info")
_NAMED = f'''
_unnamed = application


def application(environ, start_response):
    def start(status, headers, *rest):
        return start_response(status, [*headers, ("{VERSION_HEADER}", "{{name}}")], *rest)

    return _unnamed(environ, start)
'''
_FIELD = '    next_version = models.TextField("next version", null=True, editable=False)\n'
_MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "{latest}")]
    operations = [
        migrations.AddField("contact", "next_version", models.TextField("next version", null=True, editable=False))
    ]
"""


def version_in(folder: Path, name: str) -> Path:
    """Copy the code into the new folder; the answers of its web server carry the name."""
    shutil.copytree(ROOT, folder, ignore=_NOT_COPIED)
    with (folder / "config" / "wsgi.py").open("a") as file:
        file.write(_NAMED.format(name=name))
    return folder


def with_another_column(version: Path) -> Path:
    """Add a column to the model of contacts in that version, and the migration for it."""
    model = version / "contacts" / "models" / "contact.py"
    text, found = re.subn(r"^    created_at = ", f"{_FIELD}    created_at = ", model.read_text(), count=1, flags=re.M)
    assert found
    model.write_text(text)
    migrations = version / "contacts" / "migrations"
    latest = max(file.stem for file in migrations.glob("[0-9]*.py"))
    (migrations / "9999_next_version.py").write_text(_MIGRATION.format(latest=latest))
    return version
