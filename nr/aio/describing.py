"""Docstrings that two classes have in common stand once: in the one that waits."""

from collections.abc import Callable
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)


def described_by(other: type) -> Callable[[_Class], _Class]:
    """Gives the methods of a class the docstrings of those of the same name."""

    def describe(kind: _Class) -> _Class:
        for name, method in vars(kind).items():
            known = getattr(other, name, None)
            if not name.startswith("_") and known is not None and not method.__doc__:
                method.__doc__ = known.__doc__
        return kind

    return describe
