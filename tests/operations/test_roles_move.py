"""`deploy/roles.sql` moves a database in which one role owned everything."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from schemas.models import Schema
from tests.databases import FILLED
from tests.roles import OWNER, RUNTIME, acting_as, run_script

pytestmark = pytest.mark.xdist_group("roles")

# What an extension brings belongs to the extension.
_OWNERS = """
    SELECT DISTINCT pg_get_userbyid(owner) FROM (
        SELECT 'pg_class'::regclass AS catalog, oid, relowner AS owner FROM pg_class
         WHERE relnamespace = 'public'::regnamespace
         UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace WHERE nspname = 'public'
         UNION ALL SELECT 'pg_database'::regclass, oid, datdba FROM pg_database WHERE datname = current_database()) made
     WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = catalog AND objid = made.oid AND deptype = 'e')
"""


def test_everything_gets_the_owner_and_the_running_role_what_it_needs(copy_of, django_db_blocker):
    with copy_of(FILLED), django_db_blocker.unblock():
        database = connection.settings_dict["NAME"]
        for _time in range(2):
            done = run_script(database)
            assert done.returncode == 0, done.stderr
        with connection.cursor() as cursor:
            cursor.execute(_OWNERS)
            assert cursor.fetchall() == [(OWNER,)]
            cursor.execute("SELECT has_database_privilege(%s, current_database(), 'CREATE')", [RUNTIME])
            assert cursor.fetchone() == (False,)
            cursor.execute("SELECT datacl::text FROM pg_database WHERE datname = current_database()")
            assert f"{RUNTIME}=Tc/{OWNER}" in cursor.fetchone()[0]
        with acting_as(OWNER):
            call_command("grant_privileges", RUNTIME, verbosity=0)
            call_command("search_indexes", verbosity=0)
        with acting_as(RUNTIME):
            assert Schema.objects.count() == 2
            with pytest.raises(CommandError, match="Only the owner"):
                call_command("search_indexes")
