"""The id of a database transaction as a column."""

from typing import Any

from django.db import models


class TransactionIdField(models.Field):
    """PostgreSQL's `xid8`: the id of a transaction, unique for the life of the server. An int in Python."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        value = super().get_db_prep_value(value, connection, prepared)
        return str(value) if isinstance(value, int) else value


class CurrentTransactionId(models.Func):
    function = "pg_current_xact_id"
    output_field = TransactionIdField()
