"""SQLAlchemy 2: a model with a vector and its index, over three drivers."""

import asyncio

import pytest
from sqlalchemy import REAL, Index, cast, create_engine, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from conftest import assert_found, cosine_distance, reals

Vector = ARRAY(REAL, dimensions=1)


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"

    id: Mapped[int] = mapped_column(primary_key=True)
    embedding: Mapped[list[float]] = mapped_column(Vector)

    __table_args__ = (
        Index(
            "item_embedding",
            "embedding",
            postgresql_using="pase_hnsw",
            postgresql_ops={"embedding": "pase_hnsw_cosine_ops"},
            postgresql_with={"base_nb_num": 16, "ef_build": 64},
        ),
    )

    @classmethod
    def nearest(cls, query, count=10):
        """By cosine distance; the operator's other side is of the column's type."""
        distance = cls.embedding.op("<=>", return_type=REAL)(query)
        return select(cls.id, distance.label("distance")).order_by(distance).limit(count)


@pytest.fixture(scope="module")
def filled(database, vectors):
    engine = create_engine(database.url("postgresql+psycopg2"))
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.execute(
            insert(Item), [{"id": number, "embedding": vector} for number, vector in vectors.rows.items()]
        )
        session.commit()
        session.execute(text("ANALYZE item"))
        session.commit()
    engine.dispose()
    return database


@pytest.fixture(params=["psycopg2", "psycopg"])
def engine(filled, request):
    engine = create_engine(filled.url("postgresql+" + request.param))
    yield engine
    engine.dispose()


def test_nearest(engine, vectors):
    with Session(engine) as session:
        for query in vectors.queries:
            rows = session.execute(Item.nearest(query)).all()
            assert_found([row.id for row in rows], vectors.nearest(query, distance=cosine_distance))
            for row in rows:
                assert row.distance == pytest.approx(cosine_distance(vectors.rows[row.id], query), abs=1e-5)


def test_plan(engine, vectors):
    statement = Item.nearest(vectors.queries[0]).compile(engine)
    with engine.connect() as connection:
        parameters = statement.construct_params()
        lines = connection.exec_driver_sql("EXPLAIN " + str(statement), parameters).scalars().all()
    assert any("Index Scan using item_embedding on item" in line for line in lines), lines


def test_effort_and_functions(engine, vectors):
    query = vectors.queries[1]
    vector = func.l2_normalize(cast(query, Vector))
    statement = select(Item.id).order_by(Item.embedding.op("<?>")(func.pase(vector, 500, 2))).limit(10)
    with Session(engine) as session:
        found = session.scalars(statement).all()
        assert_found(found, vectors.nearest(query, distance=cosine_distance), share=1)


def test_objects(engine, vectors):
    with Session(engine) as session:
        item = Item(id=-1, embedding=vectors.queries[2])
        session.add(item)
        session.flush()
        session.expire(item)
        assert reals(item.embedding) == vectors.queries[2]
        assert session.execute(Item.nearest(vectors.queries[2], 1)).one().id == -1
        item.embedding = vectors.queries[3]
        session.flush()
        assert session.execute(Item.nearest(vectors.queries[3], 1)).one().id == -1
        session.rollback()


def test_asynchronous(filled, vectors):
    async def work():
        engine = create_async_engine(filled.url("postgresql+asyncpg"))
        async with engine.connect() as connection:
            for query in vectors.queries:
                rows = (await connection.execute(Item.nearest(query))).all()
                assert_found([row.id for row in rows], vectors.nearest(query, distance=cosine_distance))
        await engine.dispose()

    asyncio.run(work())
