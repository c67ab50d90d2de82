"""What a process remembers of the networks that it used last, to ask the database less."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nr.engine import Net

REMEMBERED = 256
"""Networks of which something is remembered, in each store."""


@dataclass(frozen=True)
class Known:
    """A network's header as this process left it, and whether nobody else observed since."""

    net: Net
    fields: dict[str, Any]
    alone: bool
    steps: int = 0
    """Of the series that got some last."""
    scorer: Net | None = None
    """The weights that ``net`` is the header of, where samples were scored by them."""

    @cached_property
    def version(self) -> tuple[int, int, int]:
        return version_of(self.net)


def version_of(net: Net) -> tuple[int, int, int]:
    """What tells one state of a network's weights, and of its fields, from all others."""
    shape = net.shape
    return shape.id, shape.revision, shape.schema_revision
