"""What a process remembers of the networks that it used last, to ask the database less."""

from __future__ import annotations

from dataclasses import dataclass
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
