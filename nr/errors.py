"""Everything this package raises on purpose.

    Error
    ├── CommandError            a command was refused; nothing has changed
    │   ├── NotFoundError       ... because no such key is there (also a KeyError)
    │   ├── FormatError         ... because a newer version of nr wrote the network
    │   └── ValuesError         ... by Python, for values no network can take (also a ValueError)
    ├── BackendError            the store cannot be reached, has failed or is closed
    └── EngineError             the core is missing, or out of memory

A ``CommandError`` has the same text on every driver, worded as Redis words
errors: ``ERR no such key``. Its first word is ``code``, for programs.
"""

NO_SUCH_KEY = "ERR no such key"
NEWER = "ERR the network has format "


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


class ValuesError(CommandError, ValueError):
    """Values that no network can take; the text names the row and the column."""


class BackendError(Error):
    """The store cannot be reached, has failed, is closed, or is not known."""


class EngineError(Error):
    """The core cannot be loaded, or is out of memory."""


def refusal(text: str) -> CommandError:
    """The exception for a reply's error text, wherever the command ran."""
    if text == NO_SUCH_KEY:
        return NotFoundError(text)
    return FormatError(text) if text.startswith(NEWER) else CommandError(text)
