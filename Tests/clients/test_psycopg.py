"""psycopg 3, with parameters and results in text and in binary."""

import psycopg
import pytest

from conftest import assert_found, reals


@pytest.fixture
def connection(items):
    with psycopg.connect(**items.keywords) as connection:
        yield connection


@pytest.mark.parametrize("marker", ["%t", "%b", "%s"])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("prepare", [False, True])
def test_nearest(connection, vectors, marker, binary, prepare):
    statement = (
        f"SELECT id, embedding <-> {marker}::real[] FROM items ORDER BY embedding <-> {marker}::real[] LIMIT 10"
    )
    with connection.cursor(binary=binary) as cursor:
        for query in vectors.queries:
            rows = cursor.execute(statement, (query, query), prepare=prepare).fetchall()
            assert_found([number for number, _ in rows], vectors.nearest(query))
            assert [distance for _, distance in rows] == sorted(distance for _, distance in rows)


@pytest.mark.parametrize("marker", ["%t", "%b"])
def test_query_value(connection, vectors, marker):
    query = vectors.queries[0]
    statement = f"SELECT id FROM items ORDER BY embedding <?> pase({marker}::real[], {marker}, {marker}) LIMIT 10"
    found = connection.execute(statement, (query, 300, 0)).fetchall()
    assert_found([number for number, in found], vectors.nearest(query))


@pytest.mark.parametrize("binary", [False, True])
def test_values_come_back(connection, vectors, binary):
    query = vectors.queries[1]
    with connection.cursor(binary=binary) as cursor:
        assert reals(cursor.execute("SELECT %s::real[]", (query,)).fetchone()[0]) == query
        stored = cursor.execute("SELECT embedding FROM items WHERE id = 17").fetchone()[0]
        assert reals(stored) == vectors.rows[17]
        value = cursor.execute("SELECT pase(%s::real[], 40, 1)", ([1.5, -2.0],)).fetchone()[0]
        # No client knows the type: in text it is the text form, in binary what the documentation says.
        if binary:
            assert value == bytes.fromhex("00000002 00000028 00000001 3fc00000 c0000000")
        else:
            assert value == "1.5,-2:40:1"


def test_binary_value_of_type_pase(connection):
    """What came in binary goes back in binary."""
    with connection.cursor(binary=True) as cursor:
        value = cursor.execute("SELECT '3,1,1:82:1'::pase").fetchone()[0]
        oid = cursor.execute("SELECT 'pase'::regtype::oid::int").fetchone()[0]

    class PaseBinary:
        def __init__(self, data):
            self.data = data

    class PaseDumper(psycopg.adapt.Dumper):
        format = psycopg.pq.Format.BINARY

        def dump(self, value):
            return value.data

    PaseDumper.oid = oid
    connection.adapters.register_dumper(PaseBinary, PaseDumper)
    row = connection.execute("SELECT ARRAY[2,1,1]::real[] <?> %b, %b::text", [PaseBinary(value)] * 2).fetchone()
    assert row == (8, "3,1,1:82:1")


def test_insert_many_in_a_pipeline(connection, vectors):
    rows = [(-number, vectors.rows[number]) for number in range(1, 201)]
    with connection.transaction(force_rollback=True):
        with connection.pipeline(), connection.cursor() as cursor:
            cursor.executemany("INSERT INTO items VALUES (%s, %s)", rows)
        found = connection.execute(
            "SELECT id FROM items ORDER BY embedding <-> %s::real[] LIMIT 2", (rows[7][1],)
        ).fetchall()
        assert sorted(number for number, in found) == [-8, 8]


def test_cancel(connection):
    """A search that takes long ends at the client's word, and the connection goes on."""
    connection.execute("SET statement_timeout = 50")
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(
            "SELECT sum((SELECT sum(b.id) FROM (SELECT id FROM items ORDER BY embedding <-> a.embedding) AS b)) FROM items AS a"
        )
    connection.rollback()
    assert connection.execute("SELECT 1").fetchone() == (1,)
