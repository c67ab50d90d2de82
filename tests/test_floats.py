"""exp, sigmoid and tanh have the same bits in WebAssembly as elsewhere, of any float.

``nr.wasm`` computes them by doubles, and does not look whether a sum was half way between floats
(``c_near`` of chain_wasm.h): that no float comes out differently is what is shown here.
"""

import ctypes
import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from test_js import missing

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "tests" / "floats" / "all_floats.c"
FUNCTIONS = {"exp": 0, "sigmoid": 1, "tanh": 2}
FLAGS = ("-O2", "-ffp-contract=off", "-std=gnu11", f"-I{ROOT / 'nr' / 'engine' / 'core'}")
SIGN, INFINITE = 0x80000000, 0x7F800000
STEP = 1 << 23

# With either sign, exp's arguments at which a sum of its polynomial lies half way between floats.
HALF_WAY = [
    *("0x1.6a09e8p-24", "0x1.3988e4p-22", "0x1.94c584p-22", "0x1.1e377ap-21", "0x1.5300c2p-17"),
    *("0x1.5300c2p-16", "0x1.93813p-4", "0x1p-3", "0x1.8001p-3", "0x1p-2"),
    *("0x1.c5c86p-2", "0x1.02e3fp-1", "0x1.22e43p-1", "0x1.30740ap-1", "0x1.955456p-1"),
    *("0x1.a2e43p-1", "0x1.c2e47p-1", "0x1.e2e43p-1", "0x1.22e43p+0", "0x1.32e41p+0"),
    *("0x1.82e43p+0", "0x1.92e45p+0", "0x1.a2e43p+0", "0x1.d45648p+0", "0x1.e45628p+0"),
    *("0x1.1a2b24p+1", "0x1.222b34p+1", "0x1.2a2b24p+1", "0x1.82e43p+1", "0x1.db9d3cp+1"),
    *("0x1.1a2b24p+2", "0x1.4687aap+2"),
]
SCRIPT = """
import { readFileSync } from "node:fs";
const [file, which, ranges] = JSON.parse(process.argv.at(-1));
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)));
console.log(JSON.stringify(ranges.map((range) => exports.digest(which, ...range) >>> 0)));
"""
Ranges = list[tuple[int, int]]
Digests = Callable[[int, Ranges], list[int]]


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Digests:
    if not (compiler := shutil.which("cc")):
        missing("Not installed: cc")
    file = tmp_path_factory.mktemp("native") / "floats.so"
    cpu = Path("/proc/cpuinfo")
    fused = cpu.exists() and {"avx2", "fma"} <= set(cpu.read_text("utf-8").split())
    isa = ("-mavx2", "-mfma") if fused else ("-Wno-psabi",)  # the latter computes them by itself
    argv = [compiler, *FLAGS, *isa, "-shared", "-fPIC", str(SOURCE), "-o", str(file)]
    subprocess.run(argv, check=True)
    digest = ctypes.CDLL(str(file)).digest
    digest.restype, digest.argtypes = ctypes.c_uint32, [ctypes.c_int, *[ctypes.c_uint32] * 2]
    return lambda which, ranges: [digest(which, *one) for one in ranges]


@pytest.fixture(scope="module")
def wasm(tmp_path_factory: pytest.TempPathFactory) -> Digests:
    if not (node := shutil.which("node")):
        missing("Not installed: node")
    subprocess.run(["make", "-s", "clang-wasm"], cwd=ROOT, check=True, capture_output=True)
    file = tmp_path_factory.mktemp("wasm") / "floats.wasm"
    link = ("--target=wasm32-wasi", "-msimd128", "-nostartfiles", "-Wl,--no-entry")
    subprocess.run(
        ["clang", *FLAGS, *link, "-Wl,--export=digest", str(SOURCE), "-o", str(file)], check=True
    )

    def digests(which: int, ranges: Ranges) -> list[int]:
        argv = [node, "--input-type=module", "-e", SCRIPT, "--"]
        given = json.dumps([str(file), which, ranges])
        found: list[int] = json.loads(subprocess.check_output([*argv, given], text=True))
        return found

    return digests


def around(x: float) -> tuple[int, int]:
    (bits,) = struct.unpack("<I", struct.pack("<f", x))
    return bits & ~15, 16


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sums_that_lie_half_way_change_no_bit(name: str, native: Digests, wasm: Digests) -> None:
    tied = [sign * float.fromhex(x) / by for x in HALF_WAY for sign in (1, -1) for by in (1, 2)]
    some = [(first, 256) for first in range(0, INFINITE, STEP // 4)]
    ranges = [*map(around, tied), *some, *((SIGN + first, count) for first, count in some)]
    assert wasm(FUNCTIONS[name], ranges) == native(FUNCTIONS[name], ranges)


@pytest.mark.soak
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_float_comes_out_differently(name: str, native: Digests, wasm: Digests) -> None:
    ranges = [(sign + at, STEP) for sign in (0, SIGN) for at in range(0, INFINITE, STEP)]
    assert wasm(FUNCTIONS[name], ranges) == native(FUNCTIONS[name], ranges)
