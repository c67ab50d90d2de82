"""The rows of a network, made the core's network again.

Whoever writes reads the header under its lock; whoever only reads takes none.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nr.backends.sql import header as columns
from nr.backends.sql.statements import ARRAYS, CHECKPOINT, Statements
from nr.backends.sql.transactions import Transactions
from nr.engine import Net, records
from nr.errors import BackendError, CommandError, FormatError, NotFoundError


class Rows:
    """Reads the networks of one schema."""

    def __init__(self, statements: Statements, transactions: Transactions) -> None:
        self._sql = statements
        self._do = transactions

    def version(self, connection: sa.Connection, key: bytes) -> tuple[int, int, int]:
        row = there(self._sql.version.run(connection, key=key).first())
        return columns.version(*row)

    def series(
        self, connection: sa.Connection, key: bytes, head: bytes
    ) -> tuple[tuple[int, int, int], bytes]:
        """The version, and in the same statement a forecaster's series; b"": there is none."""
        *version, record = there(self._sql.latest(connection, key, head))
        return columns.version(*version), bytes(record or b"")

    def read(self, connection: sa.Connection, key: bytes, samples: bool = False) -> Net:
        fields = self.locked(connection, key) if self._do.bound else self.header(connection, key)
        id = fields["id"]
        parts: dict[str, Any] = {}
        checkpoint = b""
        if samples or fields["trained"]:
            arrays = self._sql.arrays(connection, id, samples)
            checkpoint = arrays.pop(CHECKPOINT, b"")
            learned = {name: arrays.pop(name, b"") for name in ARRAYS if fields["trained"]}
            parts = {name: learned.pop(name) for name in ("weights", "history") if learned}
            parts |= {"kept": list(arrays.values()), "findings": learned}
        if samples:
            join = records.joined if fields.get("records") == "variable" else b"".join
            for dataset, name in enumerate(("train", "test")):
                if fields[f"{name}_len"]:
                    parts[name] = join(self._sql.samples(connection, id, dataset))
        net = self.assemble(fields, **parts)
        net.checkpoint = checkpoint
        return net

    def header(self, connection: sa.Connection, key: bytes) -> dict[str, Any]:
        return self.fields(there(self._sql.header.run(connection, key=key).first()))

    def locked(self, connection: sa.Connection, key: bytes) -> dict[str, Any]:
        return self.fields(self.lock(connection, key))

    def lock(self, connection: sa.Connection, key: bytes) -> sa.Row[Any]:
        for _ in range(2):  # who waited for a network that was then replaced finds the new one
            id = self.version(connection, key)[0]
            row = self._sql.locked.run(connection, id=id).first()
            if row is not None:
                return row
        raise NotFoundError

    def free(self, connection: sa.Connection, key: bytes) -> dict[str, Any] | None:
        """The header under its lock, or None where somebody else has that."""
        if self._sql.unlocked is None:
            return self.locked(connection, key)
        id = self.version(connection, key)[0]
        row = self._sql.unlocked.run(connection, id=id).first()
        return None if row is None else self.fields(row)

    def fields(self, values: Any) -> dict[str, Any]:
        try:
            return columns.header_of(self._sql.names, values)
        except (TypeError, ValueError) as error:
            raise BackendError(f"the header of a network is damaged: {error}") from error

    def assemble(self, fields: dict[str, Any], **parts: Any) -> Net:
        try:
            return Net.assemble(columns.packed(fields), **parts)
        except FormatError:
            raise
        except CommandError as error:
            raise BackendError(f"the rows of a network are damaged: {error}") from error


def there(row: Any) -> Any:
    if row is None:
        raise NotFoundError
    return row
