"""Everything this package raises on purpose.

    Error
    ├── CommandError            a command was refused; nothing has changed
    │   ├── NotFoundError       ... because no such key is there (also a KeyError)
    │   ├── FormatError         ... because a newer version of nr wrote the network
    │   ├── BusyError           ... because the key of a new network is in use
    │   ├── TrainingError       ... because a training of the network runs, or waits in line
    │   ├── RowError            ... because a dataset has no such row (also an IndexError)
    │   └── ValuesError         ... by Python, for values no network can take (also a ValueError)
    ├── ArgumentError           a call in Python is wrong (also a TypeError and a ValueError)
    ├── BackendError            the store cannot be reached, has failed or is closed
    ├── EngineError             the core is missing, or out of memory
    ├── ExtraError              an optional package is not installed (also an ImportError)
    └── StillTrainingError      a training did not end in time (also a TimeoutError)

A ``CommandError`` has the same text on every driver, worded as Redis words
errors: ``ERR no such key``. Its first word is ``code``, for programs.
"""

NO_SUCH_KEY = "ERR no such key"
NEWER = "ERR the network has format "
BUSY = "ERR the key name is busy"
TRAINING = "ERR neural network training already in progress"


class Error(Exception):
    """The root: ``except nr.Error`` catches whatever a command can raise."""


class CommandError(Error):
    """A command that was refused. ``str(error)`` is the reply's text."""

    __str__ = Exception.__str__  # a KeyError would quote it

    @property
    def code(self) -> str:
        """The kind of refusal: ``"ERR"``, ``"WRONGTYPE"`` ..."""
        return str(self).partition(" ")[0]


class NotFoundError(CommandError, KeyError):
    """There is no such key: ``ERR no such key``."""

    def __init__(self, text: str = NO_SUCH_KEY) -> None:
        super().__init__(text)


class FormatError(CommandError):
    """A newer version of nr wrote the network, and this one cannot read it: upgrade nr here."""


class BusyError(CommandError):
    """The key of a network to be created is in use: ``ERR the key name is busy``."""

    def __init__(self, text: str = BUSY) -> None:
        super().__init__(text)


class TrainingError(CommandError):
    """One training at a time: ``ERR neural network training already in progress``."""

    def __init__(self, text: str = TRAINING) -> None:
        super().__init__(text)


class RowError(CommandError, IndexError):
    """The dataset has no such row; the text says how many there are."""


class ValuesError(CommandError, ValueError):
    """Values that no network can take; the text names row and column, counted from 0."""


class ArgumentError(Error, TypeError, ValueError):
    """An argument in Python is of the wrong type, is unknown, or contradicts another one."""


class BackendError(Error):
    """The store cannot be reached, has failed, is closed, or is not known."""


class ExtraError(Error, ImportError):
    """What was asked for takes an optional package; the text says how to install it."""


class StillTrainingError(Error, TimeoutError):
    """A training that was waited for still runs."""


class EngineError(Error):
    """The core cannot be loaded, or is out of memory."""


_KINDS: dict[str, type[CommandError]] = {
    NO_SUCH_KEY: NotFoundError,
    BUSY: BusyError,
    TRAINING: TrainingError,
}


def refusal(text: str) -> CommandError:
    """The exception for a reply's error text, wherever the command ran."""
    if text.startswith(NEWER):
        return FormatError(text)
    return _KINDS.get(text, CommandError)(text)
