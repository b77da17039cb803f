"""asyncpg: prepared statements and binary parameters throughout."""

import asyncio

import asyncpg
import pytest

from conftest import assert_found


def run(items, work):
    async def with_connection():
        keywords = items.keywords
        keywords["database"] = keywords.pop("dbname")
        connection = await asyncpg.connect(**keywords)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(with_connection())


def test_nearest(items, vectors):
    async def work(connection):
        nearest = await connection.prepare("SELECT id FROM items ORDER BY embedding <-> $1::real[] LIMIT $2")
        assert [parameter.name for parameter in nearest.get_parameters()] == ["float4[]", "int8"]
        for query in vectors.queries:
            found = [row["id"] for row in await nearest.fetch(query, 10)]
            assert_found(found, vectors.nearest(query))
        # The server's plan for any parameters, after so many runs, is with the index.
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        found = [row["id"] for row in await nearest.fetch(vectors.queries[0], 10)]
        assert_found(found, vectors.nearest(vectors.queries[0]))

    run(items, work)


def test_effort(items, vectors):
    async def work(connection):
        statement = "SELECT id FROM items ORDER BY embedding <?> pase($1::real[], $2, 0) LIMIT 10"
        for query in vectors.queries:
            found = [row["id"] for row in await connection.fetch(statement, query, 500)]
            assert_found(found, vectors.nearest(query), share=1)

    run(items, work)


def test_text_form(items, vectors):
    """The type has no codec in the client; with one of text it takes and gives the text form."""

    async def work(connection):
        query = vectors.queries[0]
        text = ",".join(map(repr, query)) + ":200"
        await connection.set_type_codec("pase", schema="public", encoder=str, decoder=str, format="text")
        found = await connection.fetch("SELECT id FROM items ORDER BY embedding <?> $1::pase LIMIT 10", text)
        assert_found([row["id"] for row in found], vectors.nearest(query))
        assert await connection.fetchval("SELECT $1::pase", "1, 2 :3:1") == "1,2:3:1"

    run(items, work)


def test_copy_records(items, vectors):
    """copy_records_to_table is a binary COPY."""

    async def work(connection):
        transaction = connection.transaction()
        await transaction.start()
        records = [(-number, vectors.rows[number]) for number in range(1, 501)]
        assert await connection.copy_records_to_table("items", records=records) == "COPY 500"
        rows = await connection.fetch("SELECT id, embedding FROM items WHERE id < 0")
        assert {row["id"]: row["embedding"] for row in rows} == dict(records)
        found = await connection.fetch("SELECT id FROM items ORDER BY embedding <-> $1::real[] LIMIT 2", records[0][1])
        assert sorted(row["id"] for row in found) == [-1, 1]
        await transaction.rollback()

    run(items, work)


def test_cursor(items, vectors):
    async def work(connection):
        query = vectors.queries[0]
        found = []
        async with connection.transaction():
            async for row in connection.cursor("SELECT id FROM items ORDER BY embedding <-> $1::real[]", query, prefetch=11):
                found.append(row["id"])
        assert sorted(found) == sorted(vectors.rows)
        assert_found(found[:50], vectors.nearest(query, 50))

    run(items, work)


def test_wrong_dimension(items):
    async def work(connection):
        with pytest.raises(asyncpg.DataError, match="dimension"):
            await connection.fetch("SELECT id FROM items ORDER BY embedding <-> $1::real[] LIMIT 1", [1.0, 2.0])
        assert await connection.fetchval("SELECT 1") == 1

    run(items, work)
