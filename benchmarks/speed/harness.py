"""Builds and loads harness.c."""

import ctypes
import subprocess
from ctypes import CDLL, c_size_t, c_uint, c_void_p
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "build" / "speed" / "harness.so"


def build() -> None:
    """Once, before contenders start. Wants a C compiler and Debian's libfann-dev."""
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    source = HERE / "harness.c"
    command = ["cc", "-O2", "-shared", "-fPIC", source, "-o", BUILT, "-lfloatfann", "-lm"]
    subprocess.run(command, check=True)


@cache
def load() -> CDLL:
    library = ctypes.CDLL(str(BUILT))
    sizes = [c_size_t] * 3
    library.repeat_run.argtypes = [c_void_p] * 3 + [*sizes, c_void_p, c_size_t, c_void_p]
    library.fann_make.argtypes = [c_void_p, c_uint]
    library.fann_make.restype = c_void_p
    library.fann_samples.argtypes = [c_uint] * 3 + [c_void_p] * 2
    library.fann_samples.restype = c_void_p
    library.fann_cycles.argtypes = [c_void_p, c_void_p, c_size_t]
    library.fann_cycles.restype = None
    library.fann_rows.argtypes = [c_void_p, c_void_p, *sizes]
    library.fann_rows.restype = None
    return library
