"""COPY of vectors and of queries, in text and in binary, by three clients."""

import io
import subprocess

import psycopg
import psycopg2
import pytest

from conftest import assert_found, reals


@pytest.fixture
def target(items):
    items.run("CREATE TABLE target (LIKE items)")
    items.run("CREATE INDEX target_embedding ON target USING pase_hnsw (embedding)")
    yield items
    items.run("DROP TABLE target")


def assert_copied(database, vectors):
    assert database.run(
        "SELECT count(*), count(*) FILTER (WHERE i.embedding = t.embedding) FROM items AS i JOIN target AS t USING (id)"
    ) == [(len(vectors.rows), len(vectors.rows))]
    query = vectors.queries[0]
    plan = database.run("EXPLAIN SELECT id FROM target ORDER BY embedding <-> %s::real[] LIMIT 10", query)
    assert "Index Scan using target_embedding" in str(plan)
    found = database.run("SELECT id FROM target ORDER BY embedding <-> %s::real[] LIMIT 10", query)
    assert_found([number for number, in found], vectors.nearest(query))


@pytest.mark.parametrize("form", ["text", "csv", "binary"])
def test_out_and_in_with_psycopg2(target, vectors, form):
    connection = psycopg2.connect(**target.keywords)
    with connection, connection.cursor() as cursor:
        data = io.BytesIO()
        cursor.copy_expert(f"COPY items TO STDOUT (FORMAT {form})", data)
        data.seek(0)
        cursor.copy_expert(f"COPY target FROM STDIN (FORMAT {form})", data)
        cursor.execute("ANALYZE target")
    connection.close()
    assert_copied(target, vectors)


@pytest.mark.parametrize("form", ["text", "binary"])
def test_rows_with_psycopg(target, vectors, form):
    with psycopg.connect(**target.keywords) as connection:
        with connection.cursor().copy(f"COPY target FROM STDIN (FORMAT {form})") as copy:
            copy.set_types(["int4", "float4[]"])
            for row in vectors.rows.items():
                copy.write_row(row)
        connection.execute("ANALYZE target")
        with connection.cursor().copy(f"COPY target TO STDOUT (FORMAT {form})") as copy:
            copy.set_types(["int4", "float4[]"])
            assert {number: reals(vector) for number, vector in copy.rows()} == vectors.rows
    assert_copied(target, vectors)


@pytest.mark.parametrize("form", ["text", "binary"])
def test_out_and_in_with_psql(target, vectors, form, tmp_path):
    for command in [
        f"\\copy items TO '{tmp_path}/rows' (FORMAT {form})",
        f"\\copy target FROM '{tmp_path}/rows' (FORMAT {form})",
        "ANALYZE target",
    ]:
        subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-c", command], env=target.environment, check=True)
    assert_copied(target, vectors)


@pytest.mark.parametrize("form", ["text", "binary"])
def test_queries(target, form):
    """A column of type pase goes out and comes back."""
    with target.connect() as connection:
        connection.execute("CREATE TEMP TABLE q AS SELECT pase(embedding, id, id % 4) AS q FROM items WHERE id < 100")
        connection.execute("CREATE TEMP TABLE r (q pase)")
        with connection.cursor().copy(f"COPY q TO STDOUT (FORMAT {form})") as copy:
            data = b"".join(copy)
        with connection.cursor().copy(f"COPY r FROM STDIN (FORMAT {form})") as copy:
            copy.write(data)
        assert connection.execute("SELECT count(*) FROM q").fetchone() == (99,)
        difference = "(SELECT q::text FROM q EXCEPT SELECT q::text FROM r) UNION (SELECT q::text FROM r EXCEPT SELECT q::text FROM q)"
        assert connection.execute(difference).fetchall() == []


def test_damaged_binary_is_refused(target):
    with target.connect() as connection:
        connection.execute("CREATE TEMP TABLE r (q pase)")
        header = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\1"
        for value, state in [
            ("", "22P03"),
            ("00000001", "22P03"),
            ("7fffffff 00000000 00000000", "22003"),
            ("00000001 00000000 00000009 00000000", "22003"),
            ("00000001 00000000 00000000 7fc00000", "22P03"),
            ("00000001 00000000 00000000 3f800000 3f800000", "22P03"),
        ]:
            data = bytes.fromhex(value)
            with pytest.raises(psycopg.Error) as raised:
                with connection.cursor().copy("COPY r FROM STDIN (FORMAT binary)") as copy:
                    copy.write(header + len(data).to_bytes(4, "big") + data + b"\xff\xff")
            assert (value, raised.value.sqlstate) == (value, state)
        assert connection.execute("SELECT count(*) FROM r").fetchone() == (0,)
