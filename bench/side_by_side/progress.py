"""The progress line, on standard error."""

import sys
import time

BEGAN = time.monotonic()


def show(text):
    """Says what is being done now. On a terminal one line is written over and over."""
    minutes, seconds = divmod(int(time.monotonic() - BEGAN), 60)
    line = f"[{minutes:2d}:{seconds:02d}] {text}"
    if sys.stderr.isatty():
        line = f"\r\x1b[K{line}"
    else:
        line += "\n"
    sys.stderr.write(line)
    sys.stderr.flush()


def finish():
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
