"""A column of numbers as both databases keep it best; `models` uses it."""

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:  # Django's own class takes no parameters
    _Field = models.Field[Sequence[float], "array[float]"]
else:
    _Field = models.Field


class FloatsField(_Field):
    """32-bit floats: real[] on PostgreSQL, where pgvector casts it to a vector; packed bytes on SQLite."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "blob" if connection.vendor == "sqlite" else "real[]"

    def get_db_prep_value(
        self, value: Sequence[float], connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        return array("f", value).tobytes() if connection.vendor == "sqlite" else list(value)

    def from_db_value(self, value: Any, *_: Any) -> "array[float]":
        return array("f", value)
