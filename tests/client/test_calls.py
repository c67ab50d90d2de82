"""Calls without I/O: what methods ask and make of the replies, with no backend at all."""

from typing import Any

import numpy as np
import pytest

import nr
from nr.backends import Backend
from nr.calls import Call, Pause, drive, networks, running, samples, trainings
from nr.engine import Reply

INFO: list[Reply] = [
    *("id", 7, "type", "regressor", "auto-normalization", 0, "training", 1, "layout", [2, 1]),
    *("training-dataset-maxlen", 9, "training-dataset-len", 4, "test-dataset-maxlen", 0),
    *("test-dataset-len", 0, "training-total-steps", 0, "training-total-cycles", 0),
    *("training-total-seconds", 0.0, "dataset-error", 0.0, "test-error", 0.0),
    *("overfitting-detected", "no", "training-ended-by", "never", "last-training", "never"),
    *("trainings", 0, "parameters", 3),
]


class Nothing:
    """A backend that can do nothing besides commands, and must not be asked for any."""

    def execute(self, *argv: bytes) -> Reply:
        raise AssertionError(argv)

    def close(self) -> None:
        pass


def played(call: Call[Any], *replies: Any) -> tuple[list[Any], Any]:
    """The commands and pauses of a call that is told these replies, and what it returns."""
    asked: list[Any] = []
    told = iter(replies)
    try:
        step = call.send(None)
        while True:
            if callable(step):
                step = call.send(step())
                continue
            asked.append(step)
            reply = None if isinstance(step, Pause) else next(told)
            failed = isinstance(reply, Exception)
            step = call.throw(reply) if failed else call.send(reply)  # type: ignore[arg-type]
    except StopIteration as end:
        return asked, end.value


def test_observing_one_sample_is_one_command() -> None:
    asked, counts = played(samples.observe(Nothing(), b"net", [1, 2.5], 3, "test"), [0, 1])
    assert asked == [("NR.OBSERVE", b"net", b"1", b"2.5", b"->", b"3", "test")]
    assert counts == (0, 1)


def test_a_sample_that_was_refused_is_said_again_with_care() -> None:
    """What the long way asks is what it would have asked at first."""
    call = samples.observe(Nothing(), b"net", [1, 2], 3, None)
    asked, counts = played(call, nr.CommandError("ERR odd"), [1, 0])
    assert asked[1] == ("NR.OBSERVE", b"net", 1.0, 2.0, "->", 3.0)
    assert counts == (1, 0)


def test_observing_many_asks_for_the_width_first() -> None:
    call = samples.observe_many(Nothing(), b"net", [[1, 2], [3, 4]], [5, 6], None)
    asked, counts = played(call, INFO, [6, 0])
    blob = np.array([1, 2, 5, 3, 4, 6], "<f4").tobytes()
    assert asked == [("NR.INFO", b"net"), ("NR.OBSERVE", b"net", "FP32", blob)]
    assert counts == (6, 0)


def test_running_elsewhere_reads_its_reply() -> None:
    blob = np.array([0.5, 0.25], "<f4").tobytes()
    asked, outputs = played(running.run(b"net", [[1, 2], [3, 4]], None), INFO, blob)
    assert [step[0] for step in asked] == ["NR.INFO", "NR.RUN"]
    assert outputs.tolist() == [[0.5], [0.25]]


def test_an_error_comes_out_of_the_call_as_it_was_thrown_in() -> None:
    error = nr.NotFoundError()
    with pytest.raises(nr.NotFoundError) as caught:
        played(networks.history(b"net"), error)
    assert caught.value is error


def test_waiting_pauses_and_looks_again() -> None:
    _, info = played(networks.info(b"net"), INFO)
    ended = [*INFO, "training", 0, "last-training", "failed: why"]
    call = trainings.Course(b"net", info, 0, 0).wait(None, False)
    with pytest.raises(nr.CommandError, match=r"^ERR the training of net failed: why$"):
        played(call, INFO, ended, ended)
    call = trainings.Course(b"net", info, 0, 0).wait(0, False)
    assert played(call, INFO) == ([("NR.INFO", b"net")], False)


def test_a_call_is_driven_past_its_pauses(memory: Backend) -> None:
    net = nr.Database(memory).create("net", "regressor", [2, 1], test=0)
    net.observe([1, 2], 3)
    course = drive(memory, trainings.start(memory, [b"NR.TRAIN", b"net", b"MAXCYCLES", b"2"], 2))
    assert drive(memory, course.result(None)).cycles == 2


def test_work_that_fails_is_an_error_of_the_call(memory: Backend) -> None:
    """And it may go on from there, as it may after a command."""

    def call() -> Call[str]:
        try:
            yield lambda: 1 / 0
        except ZeroDivisionError:
            return (yield lambda: "went on")
        return "did not fail"

    assert drive(memory, call()) == "went on"
