"""From arguments to a reply: one table of commands, each a few lines over a Store."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from time import monotonic, sleep
from typing import cast

from nr.commands.waiting import Waiting
from nr.contracts.store import Running, Standing, Store
from nr.engine import Command, Net, Reply, Spec, parse, specs
from nr.engine.texts import Line, key_word, like
from nr.rounding import tell_rounded
from nr.trainings import GONE, RESET, Job, Trainings

_POLL = 0.05  # seconds between two looks at another process' training


@dataclass(frozen=True)
class Host:
    """What a handler works on."""

    store: Store
    trainings: Trainings


def dispatch(host: Host, argv: Sequence[bytes]) -> Reply:
    """Runs a command. Raises Error alone, and has then changed nothing."""
    command = parse(argv)
    return _HANDLERS[int(command.c.verb)](host, command)


def start(host: Host, argv: Sequence[bytes]) -> Job | None:
    """Runs an NR.TRAIN, as ``dispatch`` does; the training it started, if not left to workers."""
    command = parse(argv)
    return host.trainings.start(command.key, command)


def wait(host: Host, argv: Sequence[bytes]) -> Waiting:
    """Begins an NR.WAIT, as ``dispatch`` does, and leaves the looking to the caller."""
    return Waiting(host.store, host.trainings, parse(argv).key)


# ---- handlers ----


def _create(host: Host, command: Command) -> Reply:
    net = Net.create(command, host.store.new_id(), secrets.randbits(53))
    host.store.create(command.key, net)
    return net.shape.params


def _observe(host: Host, command: Command) -> Reply:
    reply = host.store.observe(command.key, command)
    if command.rounded:
        tell_rounded(key_word(command.key))
    return reply


def _run(host: Host, command: Command) -> Reply:
    if command.of_series:
        return host.store.forecast(command.key, command)
    return host.store.runner(command.key).execute(command)


def _weights(host: Host, command: Command) -> Reply:
    return host.store.runner(command.key).execute(command)


def _train(host: Host, command: Command) -> Reply:
    host.trainings.start(command.key, command)
    queued = command.queue or host.trainings.queue
    return "Training has been queued" if queued else "Training has started"


def _info(host: Host, command: Command) -> Reply:
    net, training = host.store.header(command.key)
    return net.execute(command, bool(training))


def _threads(host: Host, command: Command) -> Reply:
    return [_line(host, running) for running in host.store.orders()]


def _line(host: Host, running: Running) -> str:
    job = host.trainings.get(running.key)
    ours = job is not None and job.lease.nn_id == running.nn_id
    progress = job.progress() if job and ours else running.progress
    held = running.standing is Standing.HELD
    limits, worker = running.limits, running.worker
    place = running.nn_id, running.key, running.db, limits.maxtime, limits.maxcycles
    return Line(*place, running.attempt, worker, held).text(*astuple(progress))


def _reset(host: Host, command: Command) -> Reply:
    job = host.trainings.get(command.key)
    reply = host.store.change(command.key, command)
    if job:
        job.drop(RESET)
    return reply


def _getdata(host: Host, command: Command) -> Reply:
    read = host.store.samples if command.until else host.store.sample
    return read(command.key, command)


def _drop_samples(host: Host, command: Command) -> Reply:
    return host.store.drop_samples(command.key, command)


def _stop(host: Host, command: Command) -> Reply:
    job = host.trainings.get(command.key)
    stopped = host.store.stop(command.key)
    if job and stopped:
        job.stop()
    return int(stopped)


def _wait(host: Host, command: Command) -> Reply:
    end = monotonic() + command.number / 1000 if command.number else float("inf")
    waiting = Waiting(host.store, host.trainings, command.key)
    while not waiting.look() and (left := end - monotonic()) > 0:
        if waiting.job:
            waiting.job.done.wait(min(left, 1.0))
        else:
            sleep(min(left, _POLL))
    return waiting.reply()


def _dump(host: Host, command: Command) -> Reply:
    return host.store.snapshot(command.key).dump()


def _snapshot(host: Host, command: Command) -> Reply:
    return host.store.snapshot(command.key).execute(command)


def _restore(host: Host, command: Command) -> Reply:
    net = Net.load(command.blob, host.store.new_id())
    job = host.trainings.get(command.key)
    host.store.create(command.key, net, command.replace)
    if job:
        job.drop(GONE)
    return "OK"


def _del(host: Host, command: Command) -> Reply:
    jobs = [job for key in command.keys if (job := host.trainings.get(key))]
    deleted = host.store.delete(command.keys)
    for job in jobs:
        job.drop(GONE)
    return deleted


def _list(host: Host, command: Command) -> Reply:
    if (pattern := command.pattern) is None:
        return cast(Reply, sorted(host.store.keys()))
    return cast(Reply, sorted(key for key in host.store.keys(pattern) if like(pattern, key)))


_Handler = Callable[[Host, Command], Reply]

# What the store itself does, or the trainings; the names are those of the core's table.
_OWN: dict[str, _Handler] = {
    "NR.CREATE": _create,
    "NR.OBSERVE": _observe,
    "NR.RUN": _run,
    "NR.TRAIN": _train,
    "NR.THREADS": _threads,
    "NR.RESET": _reset,
    "NR.GETDATA": _getdata,
    "NR.STOP": _stop,
    "NR.WAIT": _wait,
    "NR.DUMP": _dump,
    "NR.RESTORE": _restore,
    "NR.DEL": _del,
    "NR.LIST": _list,
    "NR.CLEAR": _drop_samples,
    "NR.FORGET": _drop_samples,
}
# All others: the core executes them on as much of the network as they want.
_BY_SCOPE: dict[str, _Handler] = {"header": _info, "weights": _weights, "snapshot": _snapshot}


def _handler_of(spec: Spec) -> _Handler:
    own = _OWN.get(spec.name)
    return own or (_changing if spec.changes else _BY_SCOPE[spec.scope])


def _changing(host: Host, command: Command) -> Reply:
    if command.changes:
        return host.store.change(command.key, command)
    return _BY_SCOPE[command.spec.scope](host, command)


_HANDLERS: list[_Handler] = [_handler_of(spec) for spec in specs()]
