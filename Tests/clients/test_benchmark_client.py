"""The steps of a benchmark's client for PASE, with its statements as they have been written for the original."""

import random

import psycopg
import pytest

from conftest import real, squared_distance

DIMENSIONS = 784
ROWS = 1000


class Client:
    """Builds an index over a data set, then answers queries with a given size of the candidate list."""

    def __init__(self, database, links, candidates):
        self.connection = psycopg.connect(**database.keywords, autocommit=True)
        self.links = links
        self.candidates = candidates

    def fit(self, rows):
        cursor = self.connection.cursor()
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pase")
        cursor.execute("DROP TABLE IF EXISTS items")
        cursor.execute(f"CREATE TABLE items (id int, embedding float4[{DIMENSIONS}])")
        cursor.execute("ALTER TABLE items ALTER COLUMN embedding SET STORAGE PLAIN")
        with cursor.copy("COPY items (id, embedding) FROM STDIN WITH (FORMAT binary)") as copy:
            copy.set_types(["int4", "float4[]"])
            for number, row in enumerate(rows):
                copy.write_row((number, row))
        cursor.execute(
            f"CREATE INDEX items_index ON items USING pase_hnsw(embedding)"
            f" WITH (dim = {DIMENSIONS}, base_nb_num = {self.links}, ef_build = {self.candidates})"
        )

    def set_query_arguments(self, ef_search):
        self.connection.execute("SET hnsw.ef_search = %d" % ef_search)

    def query(self, vector, count):
        cursor = self.connection.cursor(binary=True)
        cursor.execute(
            "SELECT id FROM items ORDER BY embedding <?> pase(ARRAY[%b]::float4[],0,0) LIMIT %b",
            (vector, count),
            prepare=True,
        )
        return [number for number, in cursor.fetchall()]

    def size(self):
        return self.connection.execute("SELECT pg_relation_size('items_index')").fetchone()[0]


@pytest.fixture(scope="module")
def rows():
    source = random.Random(11)
    # Of pictures most of the elements are 0, and the others one of 255 shades.
    return [
        [real(source.randrange(256)) if source.random() < 0.2 else 0.0 for _ in range(DIMENSIONS)]
        for _ in range(ROWS)
    ]


@pytest.fixture(scope="module")
def client(empty_database, rows):
    client = Client(empty_database, links=16, candidates=40)
    client.fit(rows)
    yield client
    client.connection.close()


def test_statements_run_unchanged(client, rows):
    assert client.size() > ROWS * DIMENSIONS
    found = 0
    for ef_search in (10, 40, 800):
        client.set_query_arguments(ef_search)
        for number in range(0, 40, 5):
            query = [real(0.9 * value) for value in rows[number]]
            answer = client.query(query, 10)
            assert len(set(answer)) == 10
            wanted = sorted(range(ROWS), key=lambda row: squared_distance(rows[row], query))[:10]
            found += len(set(answer) & set(wanted))
            distances = [squared_distance(rows[row], query) for row in answer]
            assert distances == sorted(distances)
    assert found >= 0.85 * 240


def test_the_plan_is_with_the_index(client, rows):
    parameters = (rows[0], 10)
    plan = client.connection.execute(
        "EXPLAIN SELECT id FROM items ORDER BY embedding <?> pase(ARRAY[%b]::float4[],0,0) LIMIT %b", parameters
    ).fetchall()
    assert "Index Scan using items_index on items" in str(plan)


def test_the_statement_is_prepared_in_the_server(client, rows):
    client.query(rows[0], 10)
    prepared = client.connection.execute(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%ARRAY[$1]::float4[]%'"
    ).fetchone()[0]
    assert prepared >= 1
