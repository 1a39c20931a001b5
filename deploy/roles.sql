-- Makes the two roles of Kontor in the current database, and gives what is there to its owner:
--
--   kontor_owner  owns the database and its tables; `manage.py migrate` and `manage.py grant_privileges` run as it
--   kontor        runs Kontor; owns nothing, and may do what grant_privileges gives it
--
-- Run it as a superuser, once for a new database and once to move one that has a single role; again does no harm:
--
--   psql --no-psqlrc --dbname=kontor --file=deploy/roles.sql
--
-- The environment: KONTOR_OWNER_PASSWORD and KONTOR_PASSWORD (without one, the role keeps the password that it has);
-- KONTOR_OWNER_ROLE and KONTOR_ROLE for other names.

\set ON_ERROR_STOP on
\set owner kontor_owner
\set runtime kontor
\getenv owner KONTOR_OWNER_ROLE
\getenv runtime KONTOR_ROLE
\getenv owner_password KONTOR_OWNER_PASSWORD
\getenv runtime_password KONTOR_PASSWORD

BEGIN;

SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY[:'owner', :'runtime']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- The superuser that a server was made with always remains one, so nothing here tries to take that away.
SELECT format('DO $do$ BEGIN RAISE EXCEPTION %L; END $do$',
              format('%s is a superuser: see docs/upgrade.md', rolname))
  FROM pg_roles WHERE rolname IN (:'owner', :'runtime') AND rolsuper \gexec

\if :{?owner_password}
ALTER ROLE :"owner" PASSWORD :'owner_password';
\endif
\if :{?runtime_password}
ALTER ROLE :"runtime" PASSWORD :'runtime_password';
\endif

SELECT format('REVOKE %I FROM %I', :'owner', :'runtime') FROM pg_auth_members
 WHERE roleid = :'owner'::regrole AND member = :'runtime'::regrole LIMIT 1 \gexec

-- What belongs to an extension stays with the extension; a sequence of a column follows its table.
SELECT format('ALTER TABLE public.%I OWNER TO %I', relname, :'owner') FROM pg_class made
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
   AND relowner <> :'owner'::regrole
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = made.oid
                      AND (deptype = 'e' OR relkind = 'S' AND deptype IN ('a', 'i')))
 ORDER BY relkind, relname \gexec
SELECT format('ALTER ROUTINE public.%I(%s) OWNER TO %I', proname, pg_get_function_identity_arguments(oid), :'owner')
  FROM pg_proc made
 WHERE pronamespace = 'public'::regnamespace AND proowner <> :'owner'::regrole
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = made.oid AND deptype = 'e')
 ORDER BY proname \gexec
ALTER SCHEMA public OWNER TO :"owner";
ALTER DATABASE :"DBNAME" OWNER TO :"owner";

REVOKE ALL ON SCHEMA public FROM PUBLIC, :"runtime";
GRANT USAGE ON SCHEMA public TO :"runtime";
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC, :"runtime";
-- Imports stage their rows in a temporary table. It can deceive no trigger: their functions name the schema of each
-- table, and search temporary ones last.
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO :"runtime";

COMMIT;
