"""URL forms: what each tool needs, and no password in messages."""

import pytest

from database.connections import (
    connect,
    connection_parts,
    redacted,
    sqlalchemy_url,
)
from database.errors import DatabaseError

URL = "postgresql://user:p%40ss@db.example:5433/warehouse"


def test_parts_are_decoded():
    assert connection_parts(URL) == {
        "host": "db.example",
        "port": "5433",
        "user": "user",
        "password": "p@ss",
        "dbname": "warehouse",
    }


def test_sqlalchemy_url_names_the_driver_and_the_schema():
    url = sqlalchemy_url(URL, "mlflow")
    assert url.startswith("postgresql+psycopg2://")
    assert url.endswith("/warehouse?options=-csearch_path%3Dmlflow")
    assert "&options" in sqlalchemy_url(URL + "?sslmode=require", "mlflow")


def test_redacted_url_hides_the_password():
    assert redacted(URL) == "postgresql://user:***@db.example:5433/warehouse"
    assert redacted("postgresql://db.example/x") == "postgresql://db.example/x"


def test_unreachable_server_is_a_sentence_without_the_password():
    with pytest.raises(DatabaseError) as caught:
        connect("postgresql://user:s3cret@127.0.0.1:1/warehouse")
    assert "s3cret" not in str(caught.value)
    assert "AUSPROPERTY_DATABASE_URL" in str(caught.value)
