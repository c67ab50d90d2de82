"""What tests do to orders behind the back of who holds them."""

from time import time
from typing import Any

import sqlalchemy as sa

from nr.backends.memory import Memory
from nr.backends.redis.store import Store as Redis
from nr.contracts.store import Limits

LIMITS = Limits(maxcycles=5, maxtime=0, autostop=False, backtrack=False)


def set_deadline(store: Any, key: bytes, seconds: float) -> None:
    """Sets the deadline of an order so many seconds from now, as a clock that was set would."""
    if isinstance(store, Memory):  # has no clock: what has run out has no holder
        store._orders[key].token = None
    elif isinstance(store, Redis):
        client = store._link.client
        token, since, _, rest = client.hget(key, "order").split(b" ", 3)
        deadline = b"%d" % ((time() + seconds) * 1000)
        client.hset(key, "order", b" ".join([token, since, deadline, rest]))
    else:
        table = store._schema.trainings
        deadline = sa.update(table).values(deadline=store._dialect.clock + seconds)
        with store.engine.begin() as connection:
            connection.execute(deadline)
