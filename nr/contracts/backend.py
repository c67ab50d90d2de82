"""Where commands run."""

from typing import Protocol

from nr.engine import Reply


class Backend(Protocol):
    """Runs commands. Raises CommandError, BackendError and EngineError, nothing else.

    What one may have besides is in nr/contracts/capabilities.py.
    """

    def execute(self, *argv: bytes) -> Reply:
        """The reply to a command, its name first."""

    def close(self) -> None:
        """Stops what runs for it. A closed backend refuses commands."""


class HasBackend(Protocol):
    """A database, of which no more is wanted."""

    @property
    def backend(self) -> Backend: ...
