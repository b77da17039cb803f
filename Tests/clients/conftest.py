"""Clients of a server with the extension, as applications use them.

The server is the one that PGHOST, PGPORT and PGUSER lead to; scripts/check starts it. Every module gets a
database of its own.
"""

import os
import random
import struct
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

REPOSITORY = Path(__file__).parent.parent.parent
DOCUMENTATION = REPOSITORY / "docs"

DIMENSIONS = 16
ROWS = 2000


def pytest_addoption(parser):
    parser.addoption(
        "--with-pgvector",
        action="store_true",
        help="the server has pgvector, too; without this the tests that need it are not collected",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "pgvector: needs a server that has pgvector, too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--with-pgvector"):
        others = [item for item in items if item.get_closest_marker("pgvector")]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


class Database:
    """A database, and how the clients write its address."""

    def __init__(self, name):
        self.name = name
        self.host = os.environ["PGHOST"]
        self.port = os.environ.get("PGPORT", "5432")
        self.user = os.environ.get("PGUSER", "postgres")

    @property
    def keywords(self):
        return {"host": self.host, "port": self.port, "user": self.user, "dbname": self.name}

    def url(self, scheme):
        return f"{scheme}://{self.user}@/{self.name}?host={self.host}&port={self.port}"

    @property
    def environment(self):
        return dict(os.environ, PGDATABASE=self.name)

    def connect(self):
        return psycopg.connect(**self.keywords, autocommit=True)

    def run(self, statement, *values):
        with self.connect() as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None


@pytest.fixture(scope="module")
def empty_database(request):
    """A database without the extension."""
    name = "clients_" + request.module.__name__
    server = Database("postgres")
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    server.run(drop)
    server.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield Database(name)
    server.run(drop)


@pytest.fixture(scope="module")
def database(empty_database):
    """A database with the extension."""
    empty_database.run("CREATE EXTENSION pase")
    return empty_database


def psql(database, script, directory=None):
    """Runs a script up to its first error, which ends the test."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"],
        input=script,
        env=database.environment,
        cwd=directory,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def real(number):
    """The float4 that is nearest to a number, as Python's float."""
    return struct.unpack("f", struct.pack("f", number))[0]


def reals(vector):
    """A vector that has come in decimal digits: no more of them than it takes to tell one float4 from another."""
    return [real(number) for number in vector]


class Vectors:
    """Vectors that are the same in each run, and what is nearest to a query among them."""

    def __init__(self, count, dimensions):
        source = random.Random(7)
        self.rows = {
            number: [real(source.gauss(0, 1)) for _ in range(dimensions)]
            for number in range(1, count + 1)
        }
        self.queries = [[real(source.gauss(0, 1)) for _ in range(dimensions)] for _ in range(20)]

    def nearest(self, query, count=10, distance=None):
        distance = distance or squared_distance
        return sorted(self.rows, key=lambda number: (distance(self.rows[number], query), number))[:count]


def squared_distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b))


def cosine_distance(a, b):
    product = sum(x * y for x, y in zip(a, b))
    return 1 - product / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


@pytest.fixture(scope="session")
def vectors():
    return Vectors(ROWS, DIMENSIONS)


@pytest.fixture(scope="module")
def items(database, vectors):
    """A table `items (id int, embedding real[])` with the vectors and an index."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE items (id int PRIMARY KEY, embedding real[] NOT NULL)")
        with connection.cursor().copy("COPY items FROM STDIN") as copy:
            for row in vectors.rows.items():
                copy.write_row(row)
        connection.execute("CREATE INDEX items_embedding ON items USING pase_hnsw (embedding)")
        connection.execute("ANALYZE items")
    return database


def assert_found(found, wanted, share=0.9):
    """An index may miss a few of the nearest, but neither order nor number."""
    assert len(found) == len(set(found)) == len(wanted)
    assert len(set(found) & set(wanted)) >= share * len(wanted)
