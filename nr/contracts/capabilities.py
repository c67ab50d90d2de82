"""What some backends can do beyond commands, a Protocol each, and how to ask for it.

This is the only place that looks behind a backend: a capability may be its own, or that of the
store it runs commands on. Who finds none takes the way of a command, or says what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from nr.contracts.store import Bulk, Lease, Store
from nr.errors import BackendError

if TYPE_CHECKING:
    from threading import Event

    from nr.engine import Net, Outcome, Progress

_T = TypeVar("_T")


def capability(backend: object, kind: type[_T]) -> _T | None:
    """The backend, or else its store, as what can do it; None where neither can."""
    if isinstance(backend, kind):
        return backend
    store = getattr(backend, "store", None)
    return store if isinstance(store, kind) else None


def needed(backend: object, kind: type[_T], why: str) -> _T:
    """The same, where nothing else will do. Raises BackendError, which says ``why``."""
    if found := capability(backend, kind):
        return found
    raise BackendError(why)


@runtime_checkable
class RunsHere(Protocol):
    """Runs networks in this process, which spares ``Network.run`` the way through a command."""

    def runner(self, key: bytes) -> Net:
        """What NR.RUN would run on."""


class Job(Protocol):
    """A training that this process carries out."""

    lease: Lease

    done: Event
    """Set when this process has done with it."""

    outcome: tuple[Outcome, str] | None
    """What became of it, and why; None: another worker carries it out by now."""

    def progress(self) -> Progress:
        """How far it is."""


@runtime_checkable
class TrainsHere(Protocol):
    """Trains in this process, and tells one training from the next."""

    def train(self, *argv: bytes) -> Job | None:
        """Runs an NR.TRAIN; the training that it has started, None where it left that to others."""


@runtime_checkable
class CarriesOut(Protocol):
    """Can carry out the trainings that others have ordered."""

    @property
    def trainings(self) -> Any:
        """Those that it carries out: a ``Trainings``, of a room that builds on this one."""


@runtime_checkable
class TakesBulk(Protocol):
    """Says how many samples are best handed over in one command."""

    bulk: Bulk


@runtime_checkable
class ObservesQueries(Protocol):
    """Has rows of its own that are samples."""

    def observe_query(
        self,
        key: bytes,
        sql: str,
        target: str | Sequence[str],
        to: str | None,
        parameters: Mapping[str, Any] | None,
        progress: bool,
        replace: bool,
        by: str | None,
    ) -> tuple[int, int]:
        """As ``Network.observe_query``."""


@runtime_checkable
class JoinsTransactions(Protocol):
    """Can do what it does within a transaction of the caller's."""

    def using(self, connection: Any) -> Store:
        """The same networks, within the transaction of a caller's connection."""
