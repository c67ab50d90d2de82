"""What is remembered of a network, so that the usual way is one round trip."""

from nr.backends.redis import layout
from nr.engine import Net, drift


class Head:
    """A network's header, for what does not change while its id stays."""

    def __init__(self, net: Net) -> None:
        shape = net.shape
        self.net, self.id, self.row_bytes = net, shape.id, 4 * shape.row
        self.step, self.steps = shape.step, shape.steps
        fields = layout.encode(net.header())
        self.id_text = fields["id"]
        self.limits = fields["train_maxlen"], fields["test_maxlen"]
        self.watched = drift.watched(net)
        self.version, self.revision = b"", ""  # of the weights that samples are scored by
        self.asks = False  # the next sample by observe.lua, which knows more
        self._with_room: set[int] = set()

    def check_room(self, dataset: int) -> None:
        """Raises CommandError where the network keeps no samples of that dataset."""
        if dataset not in self._with_room:
            self.net.clone().place(1, dataset)
            self._with_room.add(dataset)

    def scored(self, version: bytes, net: Net, rows: bytes) -> str:
        """The revision of the weights that are held here, and what samples are to them."""
        if version != self.version:
            self.version, self.revision = version, str(net.shape.revision)
        single = len(rows) == self.row_bytes
        return self.revision + (drift.score_row if single else drift.score)(net, rows)
