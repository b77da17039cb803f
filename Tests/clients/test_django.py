"""Django: a field for vectors, a migration that makes extension, table and index, and searches."""

import django
import pytest
from django.conf import settings
from django.core.management import call_command

from conftest import assert_found, reals, squared_distance


@pytest.fixture(scope="module")
def connection(empty_database):
    settings.configure(
        INSTALLED_APPS=["django.contrib.postgres", "search_app"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": empty_database.name,
                "HOST": empty_database.host,
                "PORT": empty_database.port,
                "USER": empty_database.user,
            }
        },
    )
    django.setup()
    from django.db import connection

    call_command("migrate", verbosity=0)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def model(connection, vectors):
    from search_app.models import Item

    Item.objects.bulk_create(
        [Item(id=number, embedding=vector) for number, vector in vectors.rows.items()], batch_size=1000
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE search_app_item")
    return Item


def test_migration_has_made_everything(connection):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = 'search_app_item'::regclass AND attname = 'embedding'"
        )
        assert cursor.fetchone() == ("real[]",)
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'item_embedding'")
        assert "USING pase_hnsw (embedding)" in cursor.fetchone()[0]
    # The models say what the migrations say.
    call_command("makemigrations", "search_app", check=True, dry_run=True, verbosity=0)


def nearest(model, query, count=10):
    from search_app.models import Distance

    return model.objects.annotate(distance=Distance("embedding", query)).order_by("distance")[:count]


def test_nearest(model, vectors):
    for query in vectors.queries:
        rows = list(nearest(model, query))
        assert_found([row.id for row in rows], vectors.nearest(query))
        assert [row.distance for row in rows] == sorted(row.distance for row in rows)
        assert reals(rows[0].embedding) == vectors.rows[rows[0].id]


def test_plan(model, vectors):
    assert "Index Scan using item_embedding on search_app_item" in nearest(model, vectors.queries[0]).explain()


def test_filter(model, vectors):
    """The search goes on until the filter has let through as many rows as are wanted."""
    from search_app.models import Distance

    query = vectors.queries[0]
    rows = model.objects.annotate(distance=Distance("embedding", query)).filter(id__lte=100).order_by("distance")
    some = {number: vector for number, vector in vectors.rows.items() if number <= 100}
    wanted = sorted(some, key=lambda number: squared_distance(some[number], query))
    assert_found([row.id for row in rows[:10]], wanted[:10])
    assert sorted(row.id for row in rows) == sorted(some)


def test_save_and_delete(model, vectors):
    item = model.objects.create(id=10_000_000, embedding=vectors.queries[1])
    assert nearest(model, vectors.queries[1], 1)[0].id == item.id
    item.embedding = vectors.queries[2]
    item.save()
    assert nearest(model, vectors.queries[2], 1)[0].id == item.id
    item.delete()
    assert nearest(model, vectors.queries[2], 1)[0].id != 10_000_000


def test_migration_backwards(connection, model):
    call_command("migrate", "search_app", "zero", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('search_app_item'), count(*) FROM pg_extension WHERE extname = 'pase'")
        assert cursor.fetchone() == (None, 0)
