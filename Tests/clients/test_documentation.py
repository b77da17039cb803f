"""The examples of docs/clients.md as they stand there."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from conftest import DOCUMENTATION, psql

CODE = re.findall(r"^```([a-z ]+)\n(.*?)^```", (DOCUMENTATION / "clients.md").read_text(), flags=re.MULTILINE | re.DOTALL)


def blocks(kind):
    found = [block for name, block in CODE if name == kind]
    assert found, kind
    return found


@pytest.fixture(scope="module")
def filled(empty_database):
    psql(empty_database, blocks("sql")[0])
    return empty_database


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: re.search(r"[a-z0-9]*(psycopg|asyncpg|sqlalchemy)2?", block)[0])
def test_python(filled, block, monkeypatch):
    for name, value in filled.environment.items():
        monkeypatch.setenv(name, value)
    assert os.environ["PGDATABASE"] == filled.name
    exec(compile(block, "clients.md", "exec"), {"__name__": "example"})


def test_copy(filled, tmp_path):
    before = filled.run("SELECT count(*) FROM items")[0][0]
    for block in blocks("sql psql"):
        psql(filled, block, tmp_path)
    assert filled.run("SELECT count(*) FROM items")[0][0] == 2 * before


def test_pgbench(filled, tmp_path):
    script = tmp_path / "search.sql"
    script.write_text(blocks("sql pgbench")[0])
    command = ["pgbench", "-n", "-M", "prepared", "-t", "20", "-f", str(script)]
    output = subprocess.run(command, env=filled.environment, check=True, capture_output=True, text=True).stdout
    assert "number of transactions actually processed: 20/20" in output


def test_django():
    """They are those of the application that test_django.py runs."""
    application = Path(__file__).parent / "search_app"
    sources = (application / "models.py").read_text() + (application / "migrations" / "0001_initial.py").read_text()
    for block in blocks("python django"):
        assert block in sources
