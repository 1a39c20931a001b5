#!/usr/bin/env bash
# Restores a backup into an empty database and an empty directory: see docs/backup-and-restore.md. Stops at the first
# failure, and then the database is as empty as before.
#
# The environment: that of libpq (PGHOST, PGUSER, PGPASSWORD) for the owner of the database; NEW_DATABASE, its name;
# BACKUP, the directory of the backup; NEW_FILES, the directory of the files, empty where they are in S3.
set -euo pipefail
: "${NEW_DATABASE:?}" "${BACKUP:?}" "${NEW_FILES?}"

ask() {
    psql --no-psqlrc --no-align --tuples-only --dbname="$NEW_DATABASE" --command="$1"
}

server=$(ask 'SHOW server_version_num')
server=$((server / 10000))
[[ $(pg_restore --version) =~ \ ([0-9]+) ]]
if ((BASH_REMATCH[1] != server)); then
    echo "pg_restore is of version ${BASH_REMATCH[1]}, the server of version $server." >&2
    echo "Put the programs of version $server first in PATH." >&2
    exit 1
fi
dumped=$(sed -n 's/^; *Dumped from database version: \([0-9]*\).*/\1/p' "$BACKUP/contents.txt")
if ((dumped > server)); then
    echo "The backup is of PostgreSQL $dumped, the server of version $server, which might not read it." >&2
    exit 1
fi
tables=$(ask "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
if ((tables)); then
    echo "The database $NEW_DATABASE is not empty." >&2
    exit 1
fi

pg_restore --no-owner --exit-on-error --single-transaction --dbname="$NEW_DATABASE" "$BACKUP/kontor.dump"
vacuumdb --analyze-only --quiet --schema=public "$NEW_DATABASE"
if [[ -n $NEW_FILES ]]; then
    mkdir -p "$NEW_FILES"
    cp -a "$BACKUP/files/." "$NEW_FILES/"
fi
