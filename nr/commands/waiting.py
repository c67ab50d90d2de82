"""NR.WAIT, a look at a time: for threads that sleep in between, and for event loops."""

from nr.contracts.store import Standing, Store
from nr.errors import NotFoundError
from nr.trainings import GONE, WITHDRAWN, Ended, Job, Trainings, ended, refused


class Waiting:
    """A wait for the order that stands. Raises NotFoundError where there is no network.

    An order that waits, since its worker was lost, is carried out here, unless it is left to
    others; one that was sent to an executor and lost there is sent again.
    """

    def __init__(self, store: Store, trainings: Trainings, key: bytes) -> None:
        self._store, self._trainings, self._key = store, trainings, key
        net, standing = store.header(key)
        self._order = net.shape
        self._outcome: Ended | None = None if standing else net.outcome
        self.job: Job | None = None
        """The training, where this process carries it out: for who waits to wait for."""

    def look(self) -> bool:
        """Whether it has ended."""
        self._outcome = self._outcome or self._seen()
        return self._outcome is not None

    def reply(self) -> int:
        """NR.WAIT's. Raises CommandError where the training came to nothing."""
        if self._outcome is None:
            return 0
        if error := refused(self._key, self._outcome):
            raise error
        return 1

    def _seen(self) -> Ended | None:
        if self.job and self.job.done.is_set() and self.job.outcome:
            return self.job.outcome
        try:
            net, standing = self._store.header(self._key)
        except NotFoundError:
            return GONE
        order = self._order
        outcome = ended(net, order.id, order.trainings) or (None if standing else WITHDRAWN)
        self._trainings.look_after(self._key, net, standing)
        if not outcome:
            self.job = self._job(standing)
        return outcome

    def _job(self, standing: Standing) -> Job | None:
        job = self._trainings.get(self._key)
        if standing is Standing.WAITS and not job:  # a late one of ours takes its own back
            job = self._trainings.take_own(self._key)
        return job if job and job.is_for(self._order.id, self._order.trainings) else None
