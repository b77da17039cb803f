"""Makes the benchmark's vectors out of what Debian's packages hold."""
