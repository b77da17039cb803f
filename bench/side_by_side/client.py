"""Statements sent to the server: by psql, or by the driver where time matters."""

import subprocess

import numpy as np


class Execution:
    """What one run of the driver measured."""

    def __init__(self, text):
        *lines, last = text.strip().split("\n")
        rows = [[int(field) for field in line.split()] for line in lines]
        self.seconds = np.array([row[0] for row in rows]) / 1e9
        self.ids = [row[1:] for row in rows]
        spent = int(last.split()[1])
        # of the server's process, over all executions
        self.cpu_seconds = spent / 1e9 if spent >= 0 else None


class Client:
    def __init__(self, driver):
        self.driver = driver

    def sql(self, statements):
        """Runs SQL and returns what it printed."""
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().strip()

    def copy(self, table, path):
        self.sql(f"\\copy {table} FROM '{path}' WITH (FORMAT binary)")

    def execute(self, statement, before=(), options=()):
        command = [self.driver]
        for first in before:
            command += ["--before", first]
        command += [str(option) for option in options] + [statement]
        done = subprocess.run(command, capture_output=True)
        if done.returncode != 0:
            raise SystemExit(f"bench: {statement}\n{done.stderr.decode()}")
        return Execution(done.stdout.decode())
