"""What the rooms of this package promise each other.

A Backend is where commands run (``backend``), a Store is where networks rest (``store``), and
some backends can do more than commands (``capabilities``). Who keeps a contract and who relies on
it both import it from here, so that neither imports the other.
"""

from nr.contracts.backend import Backend

__all__ = ["Backend"]
