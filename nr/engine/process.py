"""The core as a whole: the instruction set that it uses, and where its module is."""

from pathlib import Path

from nr.engine import binding
from nr.engine.binding import held
from nr.engine.built import built
from nr.errors import EngineError


def parse_bytes(text: str) -> int:
    """A number of bytes with a unit as in redis.conf ("512mb"); 0 for anything else."""
    found: int = held.nr_parse_bytes(raw := text.encode("utf-8", "replace"), len(raw))
    return found


def isa() -> str:
    """The instruction set in use: ``"avx512"``, ``"avx2"`` or ``"baseline"``."""
    name: bytes = held.nr_isa()
    return name.decode()


def module_path() -> Path:
    """The Redis module, for a server's ``--loadmodule``. Raises EngineError if it is missing."""
    return built("neuralredis.so")


def set_isa(name: str) -> None:
    """Chooses another, for tests and benchmarks. Raises EngineError if not available."""
    if held.nr_set_isa(name.encode()) != binding.OK:
        raise EngineError(f"the instruction set {name!r} is not available here")
