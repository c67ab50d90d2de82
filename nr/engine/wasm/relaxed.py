"""Turns the fused sums of a draft of WebAssembly's relaxed SIMD into those of the standard.

    python relaxed.py LINKED [WRITTEN]

clang 14, which is Debian's, writes the opcode that the proposal had for them then. The final one
has the same operands and as many bytes, so each is put in the other's place; nothing moves. The
code is read instruction by instruction, since the same bytes may stand in a constant.
Fails where it finds an instruction that it does not know, or no fused sum.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

DRAFT, FINAL = 0xAF, 0x105  # f32x4: a * b + c
CODE = 10  # the section of functions' bodies

# What follows an opcode: so many numbers in LEB128, or bytes, or a kind of its own.
LEBS = {0x0C: 1, 0x0D: 1, 0x10: 1, 0x11: 2, 0x3F: 1, 0x40: 1, 0x41: 1, 0x42: 1, 0xD2: 1}
LEBS |= dict.fromkeys(range(0x20, 0x27), 1)  # local.get ... table.set
LEBS |= dict.fromkeys(range(0x28, 0x3F), 2)  # loads and stores: alignment, offset
BYTES = {0x43: 4, 0x44: 8, 0xD0: 1}  # f32.const, f64.const, ref.null
BARE = {0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, 0xD1, *range(0x45, 0xC5)}
BLOCKS = {0x02, 0x03, 0x04}
MISC = dict(
    enumerate([0] * 8 + [2, 1, 2, 1, 2, 1, 2, 1, 1, 1])
)  # trunc_sat, then memory and tables
MISC_PREFIX, SIMD_PREFIX = 0xFC, 0xFD


class Reader:
    """A place in the bytes of a module."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def leb(self) -> int:
        value = shift = 0
        while (byte := self.byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def lebs(self, count: int) -> None:
        for _ in range(count):
            self.leb()


def bodies(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the instructions of each function begin and end."""
    if data[:8] != b"\0asm\1\0\0\0":
        raise ValueError("not a module of WebAssembly")
    sections = Reader(data, 8)
    while sections.at < len(data):
        kind, size = sections.byte(), sections.leb()
        section = Reader(data, sections.at)
        sections.at += size
        for _ in range(section.leb() if kind == CODE else 0):
            end = section.leb() + section.at
            for _ in range(section.leb()):  # locals: how many, and of what type
                section.lebs(2)
            yield section.at, end
            section.at = end


def simd(reader: Reader) -> int:
    """Passes a SIMD instruction; its opcode."""
    op = reader.leb()
    if op <= 0x0B or op in (0x5C, 0x5D):  # loads and stores of a vector
        reader.lebs(2)
    elif 0x54 <= op <= 0x5B:  # and of a lane
        reader.lebs(2)
        reader.at += 1
    elif op in (0x0C, 0x0D):  # v128.const, i8x16.shuffle
        reader.at += 16
    elif 0x15 <= op <= 0x22:  # lanes taken out and put in
        reader.at += 1
    elif op > 0xFF:
        raise ValueError(f"SIMD instruction 0x{op:x} is not known here")
    return op


def sums(data: bytes) -> Iterator[int]:
    """Where the opcodes of fused sums stand, behind their prefix."""
    for start, end in bodies(data):
        reader = Reader(data, start)
        while reader.at < end:
            op = reader.byte()
            if op == SIMD_PREFIX:
                at = reader.at
                if simd(reader) == DRAFT:
                    yield at
            else:
                passed(reader, op)
        if reader.at != end:
            raise ValueError(f"a function does not end with an instruction: 0x{end:x}")


def passed(reader: Reader, op: int) -> None:
    """Passes what follows an opcode of one byte."""
    if op in BLOCKS:
        reader.leb()  # a type: its number, or a byte that is negative as a number
    elif op in LEBS:
        reader.lebs(LEBS[op])
    elif op in BYTES:
        reader.at += BYTES[op]
    elif op == 0x0E:  # br_table
        reader.lebs(reader.leb() + 1)
    elif op == 0x1C:  # select of types
        reader.lebs(reader.leb())
    elif op == MISC_PREFIX:
        reader.lebs(MISC[reader.leb()])
    elif op not in BARE:
        raise ValueError(f"instruction 0x{op:x} is not known here")


def leb_of(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7])


def final(data: bytes) -> bytes:
    """The module with the final opcodes."""
    found = list(sums(data))
    if not found:
        raise ValueError("there is no fused sum in it")
    made = bytearray(data)
    for at in found:
        if made[at : at + 2] != leb_of(DRAFT):
            raise ValueError(f"an opcode of unusual length at 0x{at:x}")
        made[at : at + 2] = leb_of(FINAL)
    return bytes(made)


if __name__ == "__main__":
    linked, written = Path(sys.argv[1]), Path(sys.argv[-1])
    written.write_bytes(final(linked.read_bytes()))
