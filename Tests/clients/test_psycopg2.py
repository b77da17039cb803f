"""psycopg2: lists of floats are arrays of numeric literals, to be cast where nothing else says so."""

import psycopg2
import psycopg2.extras
import pytest

from conftest import assert_found, reals


@pytest.fixture
def connection(items):
    connection = psycopg2.connect(**items.keywords)
    yield connection
    connection.close()


def test_nearest(connection, vectors):
    with connection.cursor() as cursor:
        for query in vectors.queries:
            cursor.execute(
                "SELECT id, embedding <-> %s::real[] FROM items ORDER BY embedding <-> %s::real[] LIMIT 10",
                (query, query),
            )
            rows = cursor.fetchall()
            assert_found([number for number, _ in rows], vectors.nearest(query))
            distances = [distance for _, distance in rows]
            assert distances == sorted(distances)


def test_effort(connection, vectors):
    query = vectors.queries[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM items ORDER BY embedding <?> pase(%s, 500) LIMIT 10", (query,))
        assert_found([number for number, in cursor], vectors.nearest(query), share=1)
        cursor.execute("EXPLAIN SELECT id FROM items ORDER BY embedding <?> pase(%s, 500) LIMIT 10", (query,))
        assert "Index Scan using items_embedding" in "\n".join(line for line, in cursor)


def test_text_form(connection, vectors):
    query = vectors.queries[1]
    text = ",".join(map(repr, query)) + ":200:0"
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM items ORDER BY embedding <?> %s::pase LIMIT 10", (text,))
        assert_found([number for number, in cursor], vectors.nearest(query))


def test_insert_and_read_back(connection, vectors):
    vector = vectors.queries[2]
    with connection, connection.cursor() as cursor:
        psycopg2.extras.execute_values(
            cursor, "INSERT INTO items VALUES %s", [(-1, vector), (-2, vector)], template="(%s, %s::real[])"
        )
        cursor.execute("INSERT INTO items VALUES (%s, %s)", (-3, vector))
        cursor.execute("SELECT embedding FROM items WHERE id < 0")
        assert [reals(embedding) for embedding, in cursor] == [vector] * 3
        cursor.execute("SELECT id FROM items ORDER BY embedding <-> %s::real[] LIMIT 3", (vector,))
        assert sorted(number for number, in cursor) == [-3, -2, -1]
        cursor.execute("DELETE FROM items WHERE id < 0")


def test_server_side_cursor(connection, vectors):
    query = vectors.queries[3]
    with connection, connection.cursor(name="nearest") as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT id FROM items ORDER BY embedding <-> %s::real[]", (query,))
        found = [number for number, in cursor]
    assert sorted(found) == sorted(vectors.rows)
    assert_found(found[:50], vectors.nearest(query, 50))


def test_errors_keep_the_connection(connection, vectors):
    with connection.cursor() as cursor:
        for statement, state in [
            ("SELECT id FROM items ORDER BY embedding <-> ARRAY[1,2]::real[] LIMIT 1", "22000"),
            ("SELECT '1,x'::pase", "22P02"),
            ("INSERT INTO items VALUES (-1, '{1,2}')", "22000"),
        ]:
            with pytest.raises(psycopg2.Error) as raised:
                cursor.execute(statement)
            assert raised.value.pgcode == state
            connection.rollback()
        cursor.execute("SELECT count(*) FROM items")
        assert cursor.fetchone() == (len(vectors.rows),)
