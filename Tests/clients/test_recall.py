"""What the indexes find: after the build, after insertions, and after deletions, vacuum and insertions again.

The TAP tests ask the same, and more, of the server's own version; this asks it of any.
"""

from pathlib import Path

import pytest

HELPERS = Path(__file__).parent.parent / "tap" / "lib" / "helpers.sql"
ROWS = 4000

HNSW = "USING pase_hnsw (v {}) WITH (base_nb_num = 16, ef_build = 64)"
CODES = "USING pase_hnsw (v {}) WITH (base_nb_num = 16, ef_build = 64, codes = 4)"
IVFFLAT = "USING pase_ivfflat (v {}) WITH (clustering_params = 'lists=50')"


@pytest.fixture(scope="module")
def helped(empty_database):
    empty_database.run(HELPERS.read_text())
    return empty_database


@pytest.mark.parametrize(
    "index, operator_class, metric, effort, least",
    [
        (HNSW, "pase_hnsw_ops", 0, 100, 0.985),
        (HNSW, "pase_hnsw_ip_ops", 3, 100, 0.97),
        (HNSW, "pase_hnsw_cosine_ops", 2, 100, 0.97),
        (CODES, "pase_hnsw_ops", 0, 100, 0.97),
        (IVFFLAT, "pase_ivfflat_float_ops", 0, 1000, 1),
        (IVFFLAT, "pase_ivfflat_ip_ops", 3, 1000, 1),
        (IVFFLAT, "pase_ivfflat_cosine_ops", 2, 1000, 1),
    ],
    ids=["hnsw", "hnsw_ip", "hnsw_cosine", "hnsw_codes", "ivfflat", "ivfflat_ip", "ivfflat_cosine"],
)
def test_recall(helped, index, operator_class, metric, effort, least):
    with helped.connect() as connection:

        def recall():
            return connection.execute(
                "SELECT test_recall('items', %s, %s, queries => 30)", (metric, effort)
            ).fetchone()[0]

        def add(first, last, step=1):
            connection.execute(
                "INSERT INTO items SELECT i, test_vector(i) FROM generate_series(%s::int, %s::int, %s::int) AS i", (first, last, step)
            )

        connection.execute("DROP TABLE IF EXISTS items")
        connection.execute("CREATE TABLE items (id int8, v float4[]) WITH (autovacuum_enabled = off)")
        add(1, ROWS)
        connection.execute("CREATE INDEX items_v ON items " + index.format(operator_class))
        assert recall() >= least
        add(ROWS + 1, ROWS + 500)
        assert recall() >= least
        connection.execute("DELETE FROM items WHERE id % 5 = 0")
        assert recall() >= least - 0.01
        connection.execute("VACUUM (INDEX_CLEANUP ON) items")
        assert recall() >= least - 0.01
        add(5, ROWS + 500, 5)
        assert recall() >= least - 0.01
        if metric == 0:
            arguments = "0, 2, 0.1" if effort == 100 else "1000, 0, 0"
            assert connection.execute(f"SELECT test_whole('items', -1, 16, {arguments})").fetchone() == ("",)


def test_some_lists(helped):
    """The more lists, the more is found."""
    with helped.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS items")
        connection.execute("CREATE TABLE items (id int8, v float4[])")
        connection.execute("INSERT INTO items SELECT i, test_vector(i) FROM generate_series(1, %s) AS i" % ROWS)
        # Lists are opened until they hold 20 rows for each that is wanted: one of 400 rows does.
        connection.execute("CREATE INDEX items_v ON items " + IVFFLAT.format("").replace("lists=50", "lists=10"))
        few, more = (
            connection.execute("SELECT test_recall('items', 0, %s)", (effort,)).fetchone()[0] for effort in (100, 500)
        )
    assert 0.3 <= few < more and more >= 0.9
