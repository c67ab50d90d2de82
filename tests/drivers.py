"""The drivers that the suite runs on: what a test needs, to the URL of an empty store."""

import pytest


def memory(request: pytest.FixtureRequest) -> str:
    return "memory://"


DRIVERS = [memory]
