"""The recipes of docs/moving-from-pgvector.md, statement by statement as they stand there."""

import re

import pytest

from conftest import DOCUMENTATION, assert_found, cosine_distance, psql

pytestmark = pytest.mark.pgvector

RECIPES = DOCUMENTATION / "moving-from-pgvector.md"
PLACES = {number: [number % 31 - 15.5, number % 17 - 8.25, number % 7 + 0.125] for number in range(1, 1001)}
QUERY = [3.0, -2.0, 5.0]


def blocks(heading):
    """The SQL below a heading, block by block; that before the first heading has none."""
    sections = re.split(r"^## ", RECIPES.read_text(), flags=re.MULTILINE)
    chosen = [section for section in sections if section.startswith(heading)] if heading else sections[:1]
    assert len(chosen) == 1
    found = re.findall(r"^```sql\n(.*?)^```", chosen[0], flags=re.MULTILINE | re.DOTALL)
    assert found
    return found


def follow(database, heading):
    for block in blocks(heading):
        psql(database, block)


@pytest.fixture
def table(empty_database):
    """The recipes' table, as pgvector has it."""
    empty_database.run("DROP EXTENSION IF EXISTS pase CASCADE")
    empty_database.run("DROP TABLE IF EXISTS items")
    empty_database.run("CREATE EXTENSION IF NOT EXISTS vector")
    follow(empty_database, None)
    with empty_database.connect() as connection:
        for number, place in PLACES.items():
            connection.execute("INSERT INTO items VALUES (%s, %s::real[])", (number, place))
    return empty_database


def assert_moved(database):
    assert database.run("SELECT count(*), bool_and(vector_dims(embedding) = 3) FROM items") == [(1000, True)]
    assert dict(database.run("SELECT id, embedding FROM items")) == PLACES
    assert database.run("SELECT attname::text, atttypid::regtype::text, attstorage::text FROM pg_attribute"
                        " WHERE attrelid = 'items'::regclass AND attnum > 0 AND NOT attisdropped") == [
        ("id", "bigint", "p"), ("embedding", "real[]", "e")]
    with database.connect() as connection:
        connection.execute("SET enable_seqscan = off")
        search = "SELECT id FROM items ORDER BY embedding <=> %s::real[] LIMIT 10"
        assert "Index Scan using items_embedding_idx" in str(connection.execute("EXPLAIN " + search, (QUERY,)).fetchall())
        distances = [cosine_distance(PLACES[number], QUERY) for number, in connection.execute(search, (QUERY,))]
    wanted = sorted(cosine_distance(place, QUERY) for place in PLACES.values())[:10]
    assert distances == pytest.approx(wanted, abs=1e-6)


def test_at_once(table):
    follow(table, "At once")
    assert_moved(table)
    for wrong in ("{1,2}", "{1,2,NaN}", "{1,Infinity,2}", "{1,NULL,2}"):
        with pytest.raises(Exception, match="items_embedding_check|NULL"):
            table.run("INSERT INTO items (embedding) VALUES (%s::real[])", wrong)


def test_zeros_are_found(table):
    """pgvector leaves them out of an index for cosine distance."""
    follow(table, "At once")
    table.run("INSERT INTO items (id, embedding) VALUES (0, '{0,0,0}')")
    with table.connect() as connection:
        connection.execute("SET enable_seqscan = off")
        search = "SELECT id FROM items ORDER BY embedding <=> '{3,-2,5}' LIMIT 2000"
        assert "Index Scan using items_embedding_idx" in str(connection.execute("EXPLAIN " + search).fetchall())
        assert sorted(number for number, in connection.execute(search)) == list(range(1001))


def test_while_the_application_goes_on(table):
    follow(table, "While the application goes on")
    assert_moved(table)
    table.run("DROP EXTENSION vector")
    assert_moved(table)


def test_and_back(table):
    before = table.run("SELECT * FROM items ORDER BY id")
    follow(table, "At once")
    follow(table, "Back")
    assert table.run("SELECT * FROM items ORDER BY id") == before
    assert table.run("SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
                     " WHERE attrelid = 'items'::regclass AND attname = 'embedding'") == [("vector(3)",)]
    table.run("DROP EXTENSION pase")
    nearest = table.run("SELECT id FROM items ORDER BY embedding <=> '[3,-2,5]' LIMIT 5")
    assert len(nearest) == 5


def test_operators_correspond(table):
    """What the table of operators says: both columns beside each other."""
    table.run("CREATE EXTENSION pase")
    for ours, theirs in [
        ("r <-> q", "v <-> q::vector"),
        ("sqrt((r <?> q)::float8)", "v <-> q::vector"),
        ("r <=> q", "v <=> q::vector"),
        ("r <?> pase(q, 0, 3)", "v <#> q::vector"),
        ("l1_distance(r, q)", "v <+> q::vector"),
        ("l2_distance(r, q)", "l2_distance(v, q::vector)"),
        ("inner_product(r, q)", "inner_product(v, q::vector)"),
        ("cosine_distance(r, q)", "cosine_distance(v, q::vector)"),
        ("vector_norm(r)", "vector_norm(v)"),
        ("vector_dims(r)", "vector_dims(v)"),
        ("r <-> '[3,-2,5]'::vector", "v <-> '[3,-2,5]'"),
    ]:
        assert table.run(
            f"SELECT count(*), count(*) FILTER (WHERE abs(({ours}) - ({theirs})) < 1e-5 * (1 + abs({theirs})))"
            " FROM (SELECT embedding AS v, embedding::real[] AS r, '{3,-2,5}'::real[] AS q FROM items) AS s"
        ) == [(1000, 1000)], (ours, theirs)
    # A vector of zeros
    assert table.run("SELECT '[0,0,0]'::vector <=> '[1,2,3]', '{0,0,0}'::real[] <=> '{1,2,3}'") == [
        (pytest.approx(float("nan"), nan_ok=True), 1)
    ]
    for ours, theirs in [
        ("l2_normalize(r)", "l2_normalize(v)::real[]"),
        ("r || r", "(v || v)::real[]"),
        ("r[2:3]", "subvector(v, 2, 2)::real[]"),
    ]:
        assert table.run(
            f"SELECT count(*) FROM (SELECT embedding AS v, embedding::real[] AS r FROM items) AS s,"
            f" LATERAL unnest({ours}, {theirs}) AS pair (a, b) WHERE (abs(a - b) < 1e-6) IS NOT TRUE"
        ) == [(0,)], (ours, theirs)
    for ours, theirs in [("vector_avg", "avg"), ("vector_sum", "sum")]:
        assert table.run(
            f"SELECT count(*) FROM (SELECT {ours}(embedding::real[]) AS a, {theirs}(embedding)::real[] AS b FROM items)"
            " AS s, LATERAL unnest(a, b) AS pair (a, b) WHERE (abs(pair.a - pair.b) < 1e-3) IS NOT TRUE"
        ) == [(0,)], ours


@pytest.mark.parametrize("order", [("pase", "vector"), ("vector", "pase")])
def test_both_in_one_schema(empty_database, order):
    """Whichever comes first, both work, and each one's statements reach its own objects."""
    with empty_database.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS items")
        connection.execute("DROP EXTENSION IF EXISTS pase CASCADE; DROP EXTENSION IF EXISTS vector CASCADE")
        for extension in order:
            connection.execute(f"CREATE EXTENSION {extension}")
        connection.execute("CREATE TABLE items (id int, v vector(2), r real[])")
        connection.execute("INSERT INTO items SELECT i, ARRAY[i, 1]::real[], ARRAY[i, 1] FROM generate_series(1, 100) AS i")
        connection.execute("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")
        connection.execute("CREATE INDEX items_r ON items USING pase_hnsw (r)")
        connection.execute("SET enable_seqscan = off")
        for statement, index in [
            ("SELECT id FROM items ORDER BY v <-> '[7,1]' LIMIT 3", "items_v"),
            ("SELECT id FROM items ORDER BY r <-> '{7,1}' LIMIT 3", "items_r"),
            ("SELECT id FROM items ORDER BY r <?> '7,1' LIMIT 3", "items_r"),
            ("SELECT id FROM items ORDER BY r <#> '7,1:10:0' LIMIT 3", "items_r"),
        ]:
            assert f"using {index} " in str(connection.execute("EXPLAIN " + statement).fetchall()), statement
            assert_found([number for number, in connection.execute(statement)], [6, 7, 8], share=1)
        assert connection.execute(
            "SELECT avg(v)::text, sum(v)::text, vector_avg(r)::text, vector_sum(r)::text, l2_normalize(ARRAY[3 * r[1], 4 * r[2]]::real[])::text FROM items"
            " WHERE id = 1 GROUP BY r"
        ).fetchone() == ("[1,1]", "[1,1]", "{1,1}", "{1,1}", "{0.6,0.8}")
        connection.execute("DROP TABLE items")


def test_options_correspond(table):
    """The settings of a search: more of the lists or candidates find as much, whichever extension is asked."""
    table.run("CREATE EXTENSION pase")
    with table.connect() as connection:
        connection.execute("ALTER TABLE items ADD COLUMN r real[]; UPDATE items SET r = embedding::real[]")
        connection.execute("DROP INDEX items_embedding_idx; SET enable_seqscan = off")
        connection.execute("SET hnsw.ef_search = 100; SET ivfflat.probes = 10")
        wanted = sorted(cosine_distance(place, QUERY) for place in PLACES.values())[:10]
        for index, distance in [
            ("USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64)", "embedding <=> '[3,-2,5]'"),
            ("USING pase_hnsw (r pase_hnsw_cosine_ops) WITH (base_nb_num = 16, ef_build = 64)", "r <?> '3,-2,5:100:2'::pase"),
            ("USING ivfflat (embedding vector_cosine_ops) WITH (lists = 10)", "embedding <=> '[3,-2,5]'"),
            ("USING pase_ivfflat (r pase_ivfflat_cosine_ops) WITH (clustering_params = 'lists=10')",
             "r <?> '3,-2,5:1000:2'::pase"),
        ]:
            connection.execute(f"CREATE INDEX items_idx ON items {index}")
            search = f"SELECT id FROM items ORDER BY {distance} LIMIT 10"
            assert "Index Scan using items_idx" in str(connection.execute("EXPLAIN " + search).fetchall())
            found = [cosine_distance(PLACES[number], QUERY) for number, in connection.execute(search)]
            assert found == pytest.approx(wanted, abs=1e-6), index
            connection.execute("DROP INDEX items_idx")
