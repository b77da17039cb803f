# shellcheck shell=bash
# What the scripts beside this file share. Sourced, never run.

# The caller's own database settings must not lead a script to another server than the private one.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGSERVICEFILE PGPASSWORD PGPASSFILE \
    PGOPTIONS PGDATA PGSSLMODE PGREQUIRESSL PGAPPNAME PGCLIENTENCODING PGTZ PGDATESTYLE \
    PGTARGETSESSIONATTRS PGCHANNELBINDING PGGSSENCMODE PGREQUIREAUTH PGLOADBALANCEHOSTS

# shellcheck disable=SC2034  # for the scripts that source this
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# What private-install leaves beside the programs of its copy, to tell it from an installation.
# shellcheck disable=SC2034
private_mark=.private-install

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

am_root() { [ "$(id -u)" -eq 0 ]; }

# PostgreSQL refuses to run as root, so root's servers belong to an unprivileged user.
server_user() {
    if ! am_root; then
        id -un
    elif id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

# A Makefile's default is nobody's choice: where there is no such program, another one may do.
if [ "${PG_CONFIG:-}" = pg_config ]; then
    unset PG_CONFIG
fi

# Runs a command as the server's user, in a directory and with a home that this user can reach.
as_server() {
    local user
    if ! am_root; then
        (cd / && exec "$@")
        return
    fi
    user=$(server_user)
    if command -v setpriv >/dev/null; then
        (cd / && HOME=/ exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@")
    else
        (cd / && HOME=/ exec runuser -u "$user" -- "$@")
    fi
}

# The pg_config to use: PG_CONFIG if set, else the one in PATH, else the newest that Debian's
# packages have put where nobody's PATH leads. Only one with a server and its headers will do.
find_pg_config() {
    local candidate
    if [ -n "${PG_CONFIG:-}" ]; then
        command -v "$PG_CONFIG" || die "PG_CONFIG=$PG_CONFIG: no such program"
        return
    fi
    for candidate in "$(command -v pg_config || true)" \
        $(find /usr/lib/postgresql -path '*/bin/pg_config' 2>/dev/null | sort -rV); do
        if is_complete "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# Whether this pg_config belongs to a server that is installed with its headers and PGXS.
is_complete() {
    [ -x "$1" ] && [ -x "$("$1" --bindir)/postgres" ] && [ -x "$("$1" --bindir)/initdb" ] &&
        [ -e "$("$1" --includedir-server)/postgres.h" ] && [ -e "$("$1" --pgxs)" ]
}

absolute() { realpath -m -- "$1"; }

# Fails with the name of the first directory on the way to $1 that the server's user cannot enter.
require_reachable() {
    local directory='' part parts
    IFS=/ read -ra parts <<<"${1#/}"
    for part in "${parts[@]}"; do
        directory+=/$part
        as_server test ! -d "$directory" -o -x "$directory" ||
            die "user $(server_user), who runs the server, cannot enter $directory;" \
                "take a directory under /tmp, for instance"
    done
}
