import pickle
import re
from pathlib import Path

import pytest

import nr
from nr import errors
from nr.errors import refusal


def test_a_missing_key_is_a_key_error_with_the_text_of_the_reply(db: nr.Database) -> None:
    with pytest.raises(KeyError) as caught:
        db.execute("NR.INFO none")
    assert isinstance(caught.value, nr.CommandError)
    assert str(caught.value) == "ERR no such key"


def test_the_code_is_the_first_word() -> None:
    assert nr.CommandError("ERR no").code == "ERR"
    assert refusal("WRONGTYPE Operation against a key").code == "WRONGTYPE"


def test_refusals_are_told_apart_by_their_text() -> None:
    assert type(refusal("ERR no such key")) is nr.NotFoundError
    assert type(refusal("ERR no such keys")) is nr.CommandError
    assert type(refusal("ERR the key name is busy")) is nr.BusyError
    assert type(refusal("ERR neural network training already in progress")) is nr.TrainingError


def test_all_are_errors_of_the_package() -> None:
    for kind in (nr.CommandError, nr.BackendError, nr.EngineError, nr.ValuesError):
        assert issubclass(kind, nr.Error)
    assert issubclass(nr.BusyError, nr.CommandError)
    assert issubclass(nr.TrainingError, nr.CommandError)
    assert issubclass(nr.ValuesError, ValueError)


@pytest.mark.parametrize(
    "error",
    [
        nr.NotFoundError(),
        nr.BusyError(),
        nr.TrainingError(),
        nr.ValuesError("ERR x"),
        nr.BackendError("gone"),
    ],
)
def test_errors_travel_between_processes(error: nr.Error) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)


def test_the_docstring_draws_every_class() -> None:
    import nr.errors

    for name, value in vars(nr.errors).items():
        if isinstance(value, type):
            assert name in nr.errors.__doc__


def test_the_module_says_what_python_says() -> None:
    """Sentences that more than one host says are alike in nr.errors and the module's header."""
    header = Path(nr.__file__).parent / "engine" / "core" / "host.h"
    said = dict(re.findall(r'#define (\w+) "(.+)"', header.read_text()))
    assert said["NR_BUSY"] == errors.BUSY
    assert said["NR_IN_TRAINING"] == errors.TRAINING
    assert said["NR_NO_SUCH_KEY"] == errors.NO_SUCH_KEY
