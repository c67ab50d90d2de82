"""The server keeps to its own description, whatever it is sent (schemathesis)."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi

import nr
from nr.serve.web import Options, application
from nr.serve.web.table import ROWS, Row

EXAMPLES = 4  # of each operation; `make soak` tries more
WANTED = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
]


@pytest.fixture
def schema() -> Iterator[schemathesis.BaseSchema]:
    """Of a server that has two networks, with names that are likely to be tried."""
    with nr.connect("memory://") as db:
        net = db.create("0", "classifier", {"a": "number", "b": "category"}, target="y", seed=1)
        net.observe_many([{"a": i, "b": "x", "y": str(i % 2)} for i in range(20)])
        net.train(maxcycles=2).wait()
        db.create("00", "regressor", [2, 1], seed=1).observe([1, 2], 3)
        app = application(db, Options(hosts=None))
        yield schemathesis.openapi.from_asgi("/openapi.json", app)


def tried(schema: schemathesis.BaseSchema, row: Row, mode: GenerationMode, examples: int) -> None:
    cases = schema[row.path][row.method].as_strategy(generation_mode=mode)

    @settings(max_examples=examples, deadline=None, suppress_health_check=[*HealthCheck])
    @given(case=cases)
    def kept(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=WANTED)

    try:
        kept()
    except Unsatisfiable:  # nothing can be wrong with what takes nothing
        assert mode is GenerationMode.NEGATIVE


TRIED = [row for row in ROWS if row.path != "/events"]  # which does not end
SHORT = [
    row for row in TRIED if row.name in ("post_network_observe", "put_network", "get_networks")
]
rows = pytest.mark.parametrize("row", TRIED, ids=lambda row: row.name)
modes = pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)


@modes
@pytest.mark.parametrize("row", SHORT, ids=lambda row: row.name)
def test_the_server_keeps_to_its_description(
    schema: schemathesis.BaseSchema, row: Row, mode: GenerationMode
) -> None:
    tried(schema, row, mode, EXAMPLES)


@pytest.mark.soak
@modes
@rows
def test_the_server_keeps_to_its_description_at_length(
    schema: schemathesis.BaseSchema, row: Row, mode: GenerationMode
) -> None:
    tried(schema, row, mode, 60)  # what is drawn for arrays of anything takes a second each
