"""Generators: texts from them, and how likely texts are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from nr import fields
from nr.calls.networks import fields_of
from nr.calls.steps import Call
from nr.commands.arguments import Argument

_SEEDS = 53  # bits


@dataclass(frozen=True)
class Score:
    """How likely a text is to a generator."""

    log_probability: float
    """The natural logarithm of the probability of its symbols, each behind those before it."""
    symbols: int
    perplexity: float
    """Of so many symbols the next one was taken to be one, as if all were alike."""


def generate(
    key: bytes,
    prompt: str | None,
    *,
    length: int = 100,
    temperature: float = 1.0,
    top: int | None = None,
    seed: int | None = None,
) -> Call[str]:
    """As ``Network.generate``."""
    behind = () if prompt is None else (yield from _pair(key, prompt))
    likely: tuple[Argument, ...] = () if top is None else ("TOP", top)
    drawn = secrets.randbits(_SEEDS) if seed is None else seed
    how = ("LENGTH", length, "TEMPERATURE", temperature, *likely, "SEED", drawn)
    return fields.text((yield ("NR.GENERATE", key, *behind, *how)))


def score(key: bytes, text: str, of: str | None = None) -> Call[Score]:
    """As ``Network.score``."""
    before = () if of is None else (yield from _pair(key, of, 0))
    reply = yield ("NR.SCORE", key, *before, *(yield from _pair(key, text)))
    logarithm, symbols, perplexity = reply[1::2]
    return Score(float(logarithm), int(symbols), float(perplexity))


def translate(
    key: bytes, text: str, *, beam: int = 4, length: int | None = None
) -> Call[dict[str, float]]:
    """As ``Network.translate``."""
    longest: tuple[Argument, ...] = () if length is None else ("LENGTH", length)
    how = (*(yield from _pair(key, text, 0)), "BEAM", beam, *longest)
    return fields.outputs((yield ("NR.RUN", key, *how)))


def _pair(key: bytes, text: str, which: int = -1) -> Call[tuple[str]]:
    """A text behind the name of the field that it is of; what has no fields refuses it anyhow."""
    found = yield from fields_of(key)
    return (f"{found[which].name if found else 'text'}={text}",)
