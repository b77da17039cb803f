"""pgbench with scripts of our own: several sessions that search and insert at once."""

import re
import subprocess

import pytest

SEARCH = """
\\set row random(1, 2000)
SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = :row) LIMIT 10;
"""

INSERT = """
\\set row random(1, 2000)
INSERT INTO inserted (embedding) SELECT embedding FROM items WHERE id = :row;
SELECT id FROM inserted ORDER BY embedding <?> (SELECT embedding FROM items WHERE id = :row)::pase LIMIT 1;
"""


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_scripts(items, tmp_path, mode):
    items.run("CREATE TABLE inserted (id bigserial, embedding real[])")
    items.run("CREATE INDEX inserted_embedding ON inserted USING pase_hnsw (embedding)")
    (tmp_path / "search").write_text(SEARCH)
    (tmp_path / "insert").write_text(INSERT)
    output = subprocess.run(
        ["pgbench", "-n", "-M", mode, "-c", "4", "-j", "2", "-t", "100"]
        + ["-f", f"{tmp_path}/search@3", "-f", f"{tmp_path}/insert@1"],
        env=items.environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "number of transactions actually processed: 400/400" in output
    assert re.search(r"tps = [0-9.]+", output)
    inserted, wrong = items.run(
        "SELECT (SELECT count(*) FROM inserted), count(*) FROM inserted AS i, LATERAL"
        " (SELECT embedding FROM inserted ORDER BY embedding <-> i.embedding LIMIT 1) AS nearest"
        " WHERE nearest.embedding <> i.embedding"
    )[0]
    assert inserted > 0 and wrong == 0
    items.run("DROP TABLE inserted")
