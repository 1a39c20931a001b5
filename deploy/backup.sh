#!/usr/bin/env bash
# Backs up the database and the files while Kontor runs: see docs/backup-and-restore.md. Stops at the first failure.
#
# The environment: that of libpq (PGHOST, PGUSER, PGPASSWORD, PGDATABASE) for the owner of the tables; FILES, the
# directory of the files, empty where they are in S3; BACKUP, a directory for this backup, which must not have one yet.
set -euo pipefail
: "${PGDATABASE:?}" "${BACKUP:?}" "${FILES?}"

server=$(psql --no-psqlrc --no-align --tuples-only --command='SHOW server_version_num')
server=$((server / 10000))
[[ $(pg_dump --version) =~ \ ([0-9]+) ]]
if ((BASH_REMATCH[1] != server)); then
    echo "pg_dump is of version ${BASH_REMATCH[1]}, the server of version $server, which might not read the dump." >&2
    echo "Put the programs of version $server first in PATH." >&2
    exit 1
fi
if [[ -e $BACKUP/kontor.dump ]]; then
    echo "$BACKUP has a backup already." >&2
    exit 1
fi

copy_files() {
    [[ -z $FILES ]] || cp -a --no-clobber "$FILES/." "$BACKUP/files/"
}

mkdir -p "$BACKUP/files"
copy_files
pg_dump --format=custom --file="$BACKUP/kontor.dump.part"
copy_files
pg_restore --list "$BACKUP/kontor.dump.part" >"$BACKUP/contents.txt"
# How the database is made again, with its encoding and locale.
pg_restore --create --schema-only --file="$BACKUP/schema.sql" "$BACKUP/kontor.dump.part"
sed -n 's/^CREATE DATABASE .* WITH TEMPLATE/CREATE DATABASE :"name" WITH TEMPLATE/p' \
    "$BACKUP/schema.sql" >"$BACKUP/database.sql"
rm "$BACKUP/schema.sql"
[[ -s $BACKUP/database.sql ]]
# Under its name only when all is there.
mv "$BACKUP/kontor.dump.part" "$BACKUP/kontor.dump"
