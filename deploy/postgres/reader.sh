#!/bin/sh
# A user of the database that may read and nothing else, for Grafana: who writes a query there can change nothing.
# The image runs it once, when it makes the database.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$(cat "${READER_PASSWORD_FILE:-/run/secrets/grafana-reader}")" <<'SQL'
CREATE ROLE grafana LOGIN PASSWORD :'password' CONNECTION LIMIT 10;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
GRANT pg_read_all_data TO grafana;
SQL
