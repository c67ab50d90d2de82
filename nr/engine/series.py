"""Forecasters' series, for stores that keep records: how one is found, and how it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nr.engine import binding
from nr.engine.binding import ErrorText, collect, held
from nr.engine.command import Command, unpack

if TYPE_CHECKING:
    from nr.engine import Net, Reply


def head(net: Net, command: Command) -> bytes:
    """How the record of the series begins that a command names."""
    return collect(held.nr_net_series, net._handle, command.c)


def head_of(steps: bytes) -> bytes:
    """The same of a record, or of steps that ``Net.samples`` has made."""
    return steps[: 2 + steps[1]]


def extended(net: Net, record: bytes, steps: bytes) -> bytes:
    """A series' record with further steps; b"": there was none."""
    grown = binding.bytes_of(record), binding.bytes_of(steps)
    return collect(held.nr_net_extend, net._handle, *grown)


def begin(net: Net) -> None:
    """Counts one more series in the header. Raises CommandError where there is no room."""
    held.nr_net_begin_series(net._handle, ErrorText())


def count(net: Net, steps: int) -> None:
    """Counts steps that a series got in the header."""
    held.nr_net_count_steps(net._handle, steps)


def forecast(net: Net, command: Command, record: bytes) -> Reply:
    """NR.RUN's reply, from the record of the series; b"": there is none."""
    packed = collect(held.nr_net_forecast, net._handle, command.c, binding.bytes_of(record))
    reply: Reply = unpack(packed)
    return reply
