"""What the figures were measured on."""

import os
import platform
import re


def first_match(path, pattern, default="unknown"):
    try:
        with open(path) as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return default
    return found.group(1) if found else default


def describe():
    levels = first_match("/proc/cpuinfo", r"^flags\s*: (.*)$", "")
    kilobytes = int(first_match("/proc/meminfo", r"^MemTotal:\s*(\d+)", "0"))
    return {
        "processor": first_match("/proc/cpuinfo", r"^model name\s*: (.*)$", platform.processor()),
        "instructions": [name for name in ("avx2", "fma", "avx512f") if name in levels.split()],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(kilobytes / 1024 / 1024, 1),
        "system": first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)', platform.system()),
        "kernel": platform.release(),
        "load_before": load(),
    }


def load():
    """The load average. What is above 1 was somebody else's work, and made the figures noisy."""
    return round(os.getloadavg()[0], 2)
