"""Trainings: orders, and who carries them out in this process.

An order rests in the store (``nr.contracts.store``). Here is what becomes of those that this
process carries out: ``orders`` is their line and the heartbeat that keeps their leases, ``jobs``
what happens to one of them, ``workers`` the threads and the memory that they share, ``outcomes``
what is told at the end, ``errands`` how orders are sent to an executor whose workers are elsewhere.
"""

from nr.trainings.errands import Errands
from nr.trainings.jobs import Job
from nr.trainings.orders import Trainings
from nr.trainings.outcomes import GONE, RESET, WITHDRAWN, Ended, ended, refused
from nr.trainings.workers import Workers

__all__ = [
    "GONE",
    "RESET",
    "WITHDRAWN",
    "Ended",
    "Errands",
    "Job",
    "Trainings",
    "Workers",
    "ended",
    "refused",
]
