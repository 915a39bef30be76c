"""The full-text index: a table of FTS5 on SQLite, a derived column with a GIN index on PostgreSQL."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Terms are split already and keep their accents: remove_diacritics would make й an и.
_SQLITE = ["CREATE VIRTUAL TABLE quotes_search USING fts5(terms, tokenize = 'unicode61 remove_diacritics 0')"]
_SQLITE_BACK = ["DROP TABLE quotes_search"]

# Without a text parser: what lexical calls a term is a lexeme. fastupdate would let searches scan a pending list.
_POSTGRESQL = [
    "ALTER TABLE quotes_quote ADD COLUMN vector tsvector NOT NULL GENERATED ALWAYS AS (array_to_tsvector(string_to_array(terms, ' '))) STORED",
    "CREATE INDEX quotes_quote_vector ON quotes_quote USING gin (vector) WITH (fastupdate = off)",
]
_POSTGRESQL_BACK = ["ALTER TABLE quotes_quote DROP COLUMN vector"]


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in _SQLITE if schema_editor.connection.vendor == "sqlite" else _POSTGRESQL:
        schema_editor.execute(statement)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in _SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else _POSTGRESQL_BACK:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("quotes", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
