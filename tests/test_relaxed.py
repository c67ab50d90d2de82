"""What `make wasm` does to the relaxed build: opcodes of a draft become those of the standard."""

import runpy
from pathlib import Path

import pytest

RELAXED = runpy.run_path(str(Path(__file__).parents[1] / "nr" / "engine" / "wasm" / "relaxed.py"))
HEAD = b"\0asm\1\0\0\0"
SUM, FINAL = b"\xfd\xaf\x01", b"\xfd\x85\x02"
CONSTANT = b"\xfd\x0c" + SUM + bytes(13)  # v128.const, in which the opcode's bytes stand
WORDS = b"\x41\xaf\x01"  # i32.const 175


def module(*instructions: bytes) -> bytes:
    """A module of one function."""
    body = b"\1\2\x7b" + b"".join(instructions) + b"\x0b"  # two locals, v128
    code = b"\1" + bytes([len(body)]) + body
    return HEAD + b"\x0a" + bytes([len(code)]) + code


def test_opcodes_are_replaced_and_constants_stay() -> None:
    found = RELAXED["final"](module(CONSTANT, SUM, WORDS, SUM))
    assert found == module(CONSTANT, FINAL, WORDS, FINAL)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (module(WORDS), "no fused sum"),
        (module(SUM, b"\xff"), "instruction 0xff is not known"),
        (module(SUM, b"\xfd\x85\x02"), "SIMD instruction 0x105"),
        (b"\0elf" + SUM, "not a module"),
    ],
)
def test_what_is_not_understood_is_refused(broken: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RELAXED["final"](broken)
