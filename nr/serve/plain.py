"""Values as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Arrays as lists, bytes as text, and null for what is no number."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, bytes):
        return text_of(value)
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(part) for part in value]
    return value


def text_of(key: bytes) -> str:
    r"""A key as text for people, odd bytes as ``\xHH``."""
    return key.decode("utf-8", "backslashreplace")
