"""Where the files are that were built from C: the core's library, and the Redis module.

In an installed package they lie in this folder. A checkout has none, and hides the package that
was installed from it wherever Python starts in the checkout itself: then they are taken from there.
"""

import logging
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from nr.errors import EngineError

_HERE = Path(__file__).parent


def built(name: str) -> Path:
    """The path of a file. Raises EngineError where it was not built, or of other sources."""
    with as_file(files("nr.engine") / name) as path:
        if path.is_file():
            return path
    folder = _installed()
    if not (folder / name).is_file():
        raise EngineError(f"nr is not built: {_HERE / name} is missing. {_remedy()}")
    return folder / name


@cache
def _installed() -> Path:
    """The folder of the installed package, where it has been built from sources such as these."""
    from importlib.metadata import PackageNotFoundError, distribution  # slow, and seldom needed

    try:
        folder = Path(str(distribution("nr").locate_file("nr/engine")))
    except PackageNotFoundError:
        return _HERE
    try:
        same = (folder / "binding.py").read_bytes() == (_HERE / "binding.py").read_bytes()
    except OSError:
        return _HERE
    if not same:
        raise EngineError(
            f"nr is not built in {_HERE.parents[1]}, and what is installed is of another version. "
            + _remedy()
        )
    logging.getLogger("nr").warning(
        "nr was imported from %s, where it is not built; its core is the installed one, in %s",
        _HERE.parents[1],
        folder,
    )
    return folder


def _remedy() -> str:
    return f"Build and install it: pip install {_HERE.parents[1]}"
