"""What the environment says where a call to connect does not: NR_URL and NR_TRAININGS."""

import os
from typing import Any

from nr.errors import ArgumentError


def url_of(url: Any, *others: Any) -> Any:
    """The URL: that given, or none beside another place, or else NR_URL's, or ``memory://``."""
    if url is None and all(other is None for other in others):
        return os.environ.get("NR_URL") or "memory://"
    return url


def trainings_of(given: Any) -> dict[str, str]:
    """The option for a driver, where trainings are left to workers. Raises ArgumentError."""
    where = "trainings" if given is not None else "NR_TRAININGS"
    wanted = given if given is not None else os.environ.get("NR_TRAININGS") or "here"
    if wanted not in ("here", "queue"):
        raise ArgumentError(f"{where} is 'here' or 'queue', not {wanted!r}")
    return {"trainings": "queue"} if wanted == "queue" else {}
