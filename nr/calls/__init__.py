"""What each method of Database, Network and Training asks, and what it makes of the replies.

Nothing here does I/O. A call is a generator: it yields what is to be done next (a ``Step``), is
sent what came of it or thrown the error, and returns what its method returns. So a method is
written once, and run by whoever likes: ``drive`` runs a call in the thread at hand, nr.aio awaits
it.

Methods with a callback for each reply were rejected: those that ask several times (observing
many samples, waiting) would have been spread over as many functions.
"""

from nr.calls.steps import Call, Long, Pause, Step, Whole, advance, drive

__all__ = ["Call", "Long", "Pause", "Step", "Whole", "advance", "drive"]
