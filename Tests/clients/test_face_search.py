"""Search for faces: a table as Prisma makes it, filled and asked with psycopg2.

The statements are those that users of pgvector write, on a column of type Float[] @db.Real.
"""

import random

import psycopg2
import pytest

from conftest import DOCUMENTATION

DIMENSIONS = 512

# What `prisma migrate` makes of the schema in docs/clients.md.
MIGRATION = """
CREATE SCHEMA IF NOT EXISTS "public";

CREATE EXTENSION IF NOT EXISTS "pase" WITH SCHEMA "public";

CREATE TABLE "FaceEmbedding" (
    "id" SERIAL NOT NULL,
    "personId" INTEGER NOT NULL,
    "embedding" REAL[],

    CONSTRAINT "FaceEmbedding_pkey" PRIMARY KEY ("id")
);
"""

SEARCH = """
SELECT
    id,
    "personId",
    1 - (embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = %(id)s)) AS cosine_similarity
FROM "FaceEmbedding"
ORDER BY embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = %(id)s)
LIMIT 5;
"""


def faces():
    """Five pictures each of three persons: a face of its own, seen a little differently each time."""
    source = random.Random(3)
    for person in (1, 2, 3):
        face = [source.gauss(0, 1) for _ in range(DIMENSIONS)]
        for _ in range(5):
            yield person, [value + source.gauss(0, 0.3) for value in face]


@pytest.fixture(scope="module")
def cursor(empty_database):
    connection = psycopg2.connect(**empty_database.keywords)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(MIGRATION)
        for person, embedding in faces():
            cursor.execute(
                'INSERT INTO "FaceEmbedding" ("personId", embedding) VALUES (%s, %s) RETURNING id', (person, embedding)
            )
        yield cursor
    connection.close()


def assert_faces_found(cursor):
    for face in range(1, 16):
        cursor.execute(SEARCH, {"id": face})
        rows = cursor.fetchall()
        person = (face - 1) // 5 + 1
        assert [row[1] for row in rows] == [person] * 5
        assert rows[0][0] == face
        assert rows[0][2] == pytest.approx(1, abs=1e-6)
        similarities = [row[2] for row in rows]
        assert similarities == sorted(similarities, reverse=True)
        assert all(0.5 < similarity < 1 for similarity in similarities[1:])


def test_without_an_index(cursor):
    assert_faces_found(cursor)


def test_with_an_index(cursor):
    index = 'CREATE INDEX "FaceEmbedding_embedding" ON "FaceEmbedding" USING pase_hnsw (embedding pase_hnsw_cosine_ops);'
    assert index in (DOCUMENTATION / "clients.md").read_text()
    cursor.execute(index)
    assert_faces_found(cursor)
    # Of fifteen rows the planner would rather read them all.
    cursor.execute("SET enable_seqscan = off")
    cursor.execute("EXPLAIN " + SEARCH, {"id": 1})
    assert 'Index Scan using "FaceEmbedding_embedding" on "FaceEmbedding"' in str(cursor.fetchall())
    assert_faces_found(cursor)


def test_raw_query_of_prisma(empty_database, cursor):
    """$queryRaw sends parameters by number and of no type; an array of numbers comes as double precision[]."""
    from psycopg import connect

    with connect(**empty_database.keywords) as connection:
        face = connection.execute('SELECT embedding FROM "FaceEmbedding" WHERE id = 6').fetchone()[0]
        rows = connection.execute(
            'SELECT "personId" FROM "FaceEmbedding" ORDER BY embedding <=> %b::real[] LIMIT %b', (face, 5)
        ).fetchall()
    assert rows == [(2,)] * 5


def test_migration_runs_again(cursor):
    cursor.execute('CREATE EXTENSION IF NOT EXISTS "pase" WITH SCHEMA "public"')
    cursor.execute("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pase'")
    assert cursor.fetchone() == ("public",)
