"""The store over Redis: each verb a script on the network's key, or one command.

What a verb needs to know beforehand (is this sample one for that network?) does not
change as long as the network's id stays. It is kept here, and the script refuses
where the id is another one; then the verb looks again. So the usual way is one round trip.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from nr.backends.recent import Recent
from nr.backends.redis import layout, orders
from nr.backends.redis.head import Head
from nr.backends.redis.hints import Hinted, Hints
from nr.backends.redis.index import Index
from nr.backends.redis.layout import flat
from nr.backends.redis.link import Link
from nr.backends.redis.listing import STANDINGS, Listing
from nr.backends.redis.tracking import Tracked
from nr.contracts.store import (
    ABANDONED,
    REPLACED,
    STOPPED,
    Bulk,
    Lease,
    Limits,
    Matches,
    Order,
    Running,
    Samples,
    Standing,
    State,
    Watch,
)
from nr.engine import FINDINGS, Command, Net, Outcome, Progress, Reply, drift, records, series
from nr.engine.header import STATISTICS
from nr.errors import CommandError, FormatError, NotFoundError

LIFETIME = 9000  # milliseconds that a lease lasts
_LISTED = 3_600_000  # milliseconds that NR.THREADS looks for an order whose holder was lost
MOST_BYTES = 16 << 20  # of samples that NR.GETDATA replies at once, as the core has it
_DIGITS = (b"0", b"1", b"2")
_FIELDS = ("schema", "schema_revision")  # of a header: what NR.FIELDS changes


class Store:
    """Networks in a Redis, shared by whoever has it. Threads and forks may share a store."""

    shared = True
    bulk = Bulk(rows=10_000, size=1 << 23)  # a script of so many holds the server for 15 to 40 ms
    renewal = 1.0
    patience = LIFETIME / 1000

    def __init__(self, link: Link, db: int, index: bytes, tracked: Tracked | None) -> None:
        self.queues = False
        self.due: Callable[[bytes], None] = lambda key: None
        self._link = link
        self._hints = Hints(link)
        self._index = Index(link, index, _LISTED)
        self._listing = Listing(link, self._index, db)
        self._tracked = tracked
        self._heads: Recent[bytes, Head] = Recent()
        self._runners: Recent[bytes, tuple[bytes, Net]] = Recent()

    # ---- networks ----

    def new_id(self) -> int:
        return 1 + secrets.randbelow(2**53 - 1)

    def create(self, key: bytes, net: Net, replace: bool = False) -> None:
        shape = net.shape
        fields = layout.everything(net) | {"version": layout.token().encode()}
        rows = net.rows(0), net.rows(1)
        self._link.call("create", key, shape.id, int(replace), 4 * shape.row, *rows, *flat(fields))
        self._forget(key)

    def _read(self, key: bytes, *more: str) -> tuple[bytes, Standing, list[bytes | None]]:
        """The header, whether there is an order, and further fields."""
        names = layout.names()
        _, standing, _, _, fields, _ = self._link.call("read", key, *names, *more)
        header = layout.decode(fields[: len(names)])
        return header, STANDINGS[standing], fields[len(names) :]

    def header(self, key: bytes) -> tuple[Net, Standing]:
        header, standing, _ = self._read(key)
        return Net.assemble(header), standing

    def snapshot(self, key: bytes) -> Net:
        fields = self._link.do("HGETALL", key)
        if fields.get(layout.MARK.encode()) not in layout.formats():
            self._read(key)  # knows why not
        if not fields:
            raise NotFoundError  # but it came in the meantime
        return layout.assemble(fields)

    def runner(self, key: bytes) -> Net:
        if self._tracked:
            return self._tracked.get(key) or self._tracked.fetch(key, self._checked)
        return self._checked(key)

    def _checked(self, key: bytes) -> Net:
        version = self._link.field(key, b"version")
        known = self._runners.get(key)
        return known[1] if known and known[0] == version else self._fetched(key)[1]

    def _fetched(self, key: bytes) -> tuple[bytes, Net]:
        """The version, and what NR.RUN runs on."""
        header, _, (now, weights, history, *found) = self._read(key, "version", *layout.LEARNED)
        findings = dict(zip(FINDINGS, (part or b"" for part in found), strict=True))
        net = Net.assemble(header, weights or b"", history or b"", findings=findings)
        self._runners.put(key, (now or b"", net), len(weights or b""))
        return now or b"", net

    def _forget(self, key: bytes) -> None:
        if self._tracked:
            self._tracked.drop(key)

    # ---- samples and options ----

    def _with_head(self, key: bytes, write: Callable[["Head"], Any]) -> Any:
        """Writes what was checked against the network that is there."""
        head = self._heads.get(key)
        if head:
            try:
                if (reply := write(head))[0]:
                    return reply
            except CommandError:
                pass  # by the network that was there, perhaps
        while True:
            head = Head(self.header(key)[0])
            self._heads.put(key, head)
            if (reply := write(head))[0]:
                return reply

    def observe(self, key: bytes, command: Command) -> Reply:
        return self._put(key, lambda net: net.samples(command), command.dataset, command.rounded)

    def put(self, key: bytes, samples: Samples, dataset: int) -> Reply:
        return self._put(key, samples, dataset, 0)

    def _put(self, key: bytes, samples: Samples, dataset: int, rounded: int) -> Reply:
        def write(head: Head) -> Any:
            rows = samples(head.net)
            if head.step:
                kept = head.step, head.steps, due
                return self._link.write("extend", key, head.id, rows, *kept)
            head.check_room(dataset)
            scored = self._scored(key, head, rows) if head.watched else ()
            asks, head.asks = head.asks, False
            if len(rows) == head.row_bytes and not rounded and not asks:
                row = (head.id_text, _DIGITS[dataset], rows, *head.limits)
                script = "observe_watched" if scored else "observe_row"
                counts = self._link.write(script, key, *row, *scored)
                if isinstance(counts, bytes):
                    return [1, *map(int, counts.split())]
            numbers = (head.id, dataset, head.row_bytes)
            known = head.net.shape.schema_revision
            more = scored or ("", "")
            return self._link.write("observe", key, *numbers, rows, rounded, known, due, *more)

        due = orders.DUE[self.queues]
        _, train, test, *placed = self._with_head(key, write)
        if placed:
            self._announce(key)
            self.due(key)
        return [train, test]

    def _scored(self, key: bytes, head: Head, rows: bytes) -> tuple[str, str]:
        """The revision of the weights that are held here, and what samples are to them."""
        known = self._runners.get(key)
        if not known or known[0] != head.version:
            known = self._fetched(key)
        return head.scored(*known, rows)

    def _ask(self, key: bytes) -> None:
        """Our writer is known by now, whatever became of the network since its head was read."""
        if head := self._heads.get(key):
            head.asks = True

    def _announce(self, key: bytes) -> None:
        """Says that an order waits, to NR.THREADS and to workers: hints, both of them."""
        self._index.add(key)
        self._hints.push(key)

    def forecast(self, key: bytes, command: Command) -> Reply:
        """With the steps comes the weights' version: one round trip, where these are known."""
        known = self._runners.get(key)
        while True:
            version, net = known if known and known[1].step else self._fetched(key)
            if not net.step:
                return net.execute(command)
            head = series.head(net, command)
            _, steps, now = self._link.call("latest", key, head, net.step * net.window)
            if now == version:
                return series.forecast(net, command, steps)
            known = None

    def sample(self, key: bytes, command: Command) -> Reply:
        slot = f"{('train', 'test')[command.dataset]}:{command.number}"
        header, _, (row,) = self._read(key, slot)
        net = Net.assemble(header)
        return None if row is None else net.sample_reply(row)

    def samples(self, key: bytes, command: Command) -> Reply:
        names, dataset = layout.names(), ("train", "test")[command.dataset]
        rows = (dataset, command.number, command.until, MOST_BYTES)
        _, size, fields, found = self._link.call("range", key, *rows, *names)
        command.check_range(size)
        net = Net.assemble(layout.decode(fields))
        return net.range_reply(b"".join(found) if net.row else records.joined(found))

    def change(self, key: bytes, command: Command) -> Reply:
        if command.spec.name == "NR.RESET":
            return self._reset(key)
        changed = command.spec.name == "NR.FIELDS"
        known = {name.replace("_", ""): name for name in layout.names()}
        words = [] if changed else command.argv[2::2]
        given = [known[word.lower().decode()] for word in words]

        def write(head: Head) -> Any:
            net = head.net.clone()
            net.execute(command)
            fields = layout.encode(net.header()) | {"version": layout.token().encode()}
            revision = head.net.shape.schema_revision if changed else ""
            names = (*_FIELDS, "version") if changed else given
            values = {name: fields[name] for name in names}
            if values.get("trainevery") == b"0":
                values["new"] = b"0"
            if {"drift", "trainevery"} & {*given} and not drift.watched(net) and "losses" in fields:
                values["losses"] = fields["losses"]
            return self._link.write("change", key, head.id, b"", revision, *flat(values))

        self._with_head(key, write)
        if changed or {"drift", "trainevery"} & {*given}:
            self._heads.drop(key)
        self._ask(key)
        if changed:
            self._forget(key)
        return "OK"

    def _reset(self, key: bytes) -> Reply:
        gone = dict.fromkeys((*layout.LEARNED, "order", "progress", "checkpoint"), b"")
        fields = {name: layout.blank()[name] for name in STATISTICS} | gone
        self._link.write("change", key, b"", layout.token(), b"", *flat(fields))
        self._forget(key)
        return "OK"

    def drop_samples(self, key: bytes, command: Command) -> Reply:
        self._ask(key)
        if command.spec.name == "NR.CLEAR":
            which = [name for at, name in enumerate(_DATASETS) if command.dataset in (at, 2)]
            dropped: int = self._link.write("clear", key, layout.token(), *which)[1]
            self._forget(key)
            return dropped
        gone, looked = 0, False
        while True:  # others may move samples meanwhile, or add some
            net = self.snapshot(key)
            places = net.matching(command)
            if not places and looked:
                return gone
            looked = True
            found = [records.split(net.rows(dataset)) for dataset in range(2)]
            pairs = [
                part
                for place in places
                for part in (f"{_DATASETS[place & 1]}:{place >> 1}", found[place & 1][place >> 1])
            ]
            gone += self._link.write("forget", key, net.shape.id, layout.token(), *pairs)[1]
            self._forget(key)

    # ---- keys ----

    def delete(self, keys: list[bytes]) -> int:
        """By their ids, so that a repeat does not delete what came after them."""
        ids = {key: self._id(key) for key in keys}
        found = {key: nn_id for key, nn_id in ids.items() if nn_id is not None}
        for key, nn_id in found.items():
            with suppress(CommandError):  # gone: we repeated it, or someone was as fast
                self._link.call("delete", key, nn_id)
            self._forget(key)
        return len(found)

    def _id(self, key: bytes) -> bytes | None:
        """None where there is no network. One of a newer format raises FormatError."""
        try:
            nn_id: bytes = self._link.call("read", key, "id")[4][0]
        except FormatError:
            raise
        except CommandError:
            return None
        return nn_id

    def keys(self, pattern: bytes = b"*") -> list[bytes]:
        return self._listing.keys(pattern)

    # ---- trainings ----

    def order(self, key: bytes, limits: Limits, held: bool = True) -> Lease | None:
        token = layout.token()
        given = (int(held), orders.words(limits), orders.told(Progress()), f"dropped: {REPLACED}")
        self._index.add(key)
        _, *network = self._link.call("order", key, token, LIFETIME, *given)
        nn_id, revision, number = map(int, network)
        if not held:
            self._hints.push(key)
        return Lease(Order(key, nn_id, revision, number, limits), token) if held else None

    def take(self, key: bytes, queued: bool = True) -> Lease | None:
        token, told = layout.token(), (f"failed: {ABANDONED}", int(queued), orders.told(Progress()))
        taken, *found = self._link.call("take", key, token, LIFETIME, *told)
        if not taken:
            return None
        self._index.add(key)
        *numbers, words = found
        nn_id, revision, number, attempt = map(int, numbers)
        return Lease(Order(key, nn_id, revision, number, orders.limits_of(words), attempt), token)

    def give_back(self, lease: Lease) -> None:
        with suppress(CommandError):  # the network is gone
            if self._link.call("give_back", lease.key, lease.token)[0]:
                self._announce(lease.key)

    def watch(self, matches: Matches | None) -> Watch:
        return Hinted(self._hints, self._listing.waiting, matches)

    def keep(self, lease: Lease, checkpoint: bytes) -> None:
        self._link.call("keep", lease.key, lease.token, checkpoint)

    def renew(self, lease: Lease, progress: Progress) -> State:
        try:
            status, *state = self._link.call(
                "renew", lease.key, lease.token, LIFETIME, orders.told(progress)
            )
        except CommandError:
            return State.LOST
        if not status:
            return State.LOST
        self._index.add(lease.key)
        return State.STOP if state == [2] else State.RUN

    def withdraw(self, lease: Lease) -> None:
        with suppress(CommandError):  # the network is gone
            self._link.call("withdraw_order", lease.key, lease.token)
        self._index.remove(lease.key)

    def merge(self, trained: Net, lease: Lease) -> bool:
        shape, header = trained.shape, layout.everything(trained)
        learned = trained.outcome[0] is Outcome.MERGED
        names = (*STATISTICS, *layout.LEARNED) if learned else ("last_training",)
        fields = flat({name: header[name] for name in names if name in header})
        network = (shape.id, shape.revision, lease.token, int(learned), shape.schema_revision)
        merged = self._link.call("merge", lease.key, *network, *fields)
        self._forget(lease.key)
        self._index.remove(lease.key)
        return bool(merged[0])

    def stop(self, key: bytes) -> bool:
        return bool(self._link.write("stop", key, f"kept: {STOPPED}")[1])

    def orders(self) -> list[Running]:
        return self._listing.orders()

    def close(self) -> None:
        if self._tracked:
            self._tracked.close()
        self._link.close()


_DATASETS = ("train", "test")
