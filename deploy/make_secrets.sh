#!/bin/sh
# Make the secrets of compose.yaml in deploy/secrets/, once. What is there already is kept.
#
#   sudo sh deploy/make_secrets.sh          (or without sudo, then run the chown that it prints)
#
# Compose mounts a file with the owner and the mode that it has on this machine, so the owner must be
# the user inside of the container: 10001 in the image of the service, 999 in PostgreSQL's.
set -eu
umask 077
folder=${1:-"$(dirname "$0")/secrets"}
mkdir -p "$folder"
make_key() { python3 -c 'import secrets; print(secrets.token_hex(32))'; }
make_pgpass() { printf '*:*:chat:chat:%s' "$(cat "$folder/postgres_password")"; }
keep() {  # a file and what makes it; nothing is written where that fails
    [ -s "$folder/$1" ] && return 0
    value=$("$2")
    rm -f "$folder/$1"
    printf '%s\n' "$value" > "$folder/$1"
    chmod 400 "$folder/$1"
}

keep token_key make_key
if [ ! -s "$folder/postgres_password" ]; then
    rm -f "$folder/pgpass"  # it holds the password that is made next
fi
keep postgres_password make_key
keep pgpass make_pgpass
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$folder"
    chown 10001:10001 "$folder/token_key" "$folder/pgpass"
    chown 999:999 "$folder/postgres_password"
else
    echo "Now run: sudo chown 10001:10001 $folder/token_key $folder/pgpass" >&2
    echo "and:     sudo chown 999:999 $folder/postgres_password" >&2
fi
