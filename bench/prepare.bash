# shellcheck shell=bash
# What the benchmark needs beside the extension, fetched and built once and kept in a cache.
# Sourced after scripts/common.bash, never run.

say() { echo "bench: $*" >&2; }

# shellcheck source=scripts/pypi.bash
. "$repository/scripts/pypi.bash"

# A cache that the server's user can reach.
bench_cache() { cache_directory pase-bench "${PASE_BENCH_CACHE:-}"; }

# Makes $cache/python, a virtual environment that holds a list of requirements.
prepare_python() { make_python "$cache/python" "$1"; }

# The peer's server, with pgvector.
prepare_peer() {
    local servers
    servers=$(fetch_servers "$cache" "$cache/python")
    peer_pg_config=$(server_of_version "$servers" 16)
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
