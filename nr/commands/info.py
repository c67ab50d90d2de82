"""NR.INFO as a frozen dataclass, and NR.THREADS' lines as progress."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from nr.engine import Progress, Reply

_NAMES = {  # of those fields that Python calls otherwise than NR.INFO
    "auto-normalization": "normalize",
    "training-dataset-maxlen": "train_maxlen",
    "training-dataset-len": "train_len",
    "test-dataset-maxlen": "test_maxlen",
    "test-dataset-len": "test_len",
    "datasets-full": "full",
    "training-total-steps": "steps",
    "training-total-cycles": "cycles",
    "training-total-seconds": "seconds",
    "dataset-error": "train_error",
    "test-error": "test_error",
    "classification-errors-perc": "class_errors",
    "overfitting-detected": "overfitting",
    "training-ended-by": "ended_by",
    "last-training": "last_training",
    "recurrent-layers": "recurrent",
}


@dataclass(frozen=True)
class Info:
    """What there is to know of a network."""

    id: int
    type: str
    """``"classifier"``, ``"regressor"``, ``"forecaster"`` or ``"generator"``."""
    normalize: bool
    training: bool
    """Whether a training of it runs or waits in line."""
    layout: tuple[int, ...]
    """Units of each layer, inputs first; with fields those that the last training has chosen."""
    train_maxlen: int
    train_len: int
    """Samples in the training dataset."""
    test_maxlen: int
    test_len: int
    steps: int
    """Samples seen by all trainings, one counted as often as it was seen."""
    cycles: int
    """Passes over the training dataset, of all trainings."""
    seconds: float
    """Spent training."""
    train_error: float
    """Mean loss a training sample."""
    test_error: float
    """Mean loss a testing sample."""
    overfitting: bool
    """Whether AUTOSTOP ended the last training."""
    ended_by: str
    """What ended the training that the weights are from: ``"cycles"``, ``"time"``,
    ``"autostop"``, ``"stop"``, ``"diverged"``, or ``"never"`` if there was none."""
    last_training: str
    """What became of the last training: ``"merged"``, ``"kept: ..."`` (the weights that were there
    have stayed), ``"failed: ..."``, ``"dropped: ..."``, or ``"never"`` if none has ended."""
    trainings: int
    """How many trainings have ended, whatever became of them."""
    parameters: int
    """Weights and biases."""
    class_errors: float | None = None
    """Testing samples whose class is wrong, in per cent; None for a regressor."""
    rounded: int = 0
    """Numbers observed, from 2**24 on, of which 32-bit floats are others."""
    observed: int = 0
    """Samples observed, all that ever were."""
    new: int = 0
    """Those since TRAINEVERY last asked for a training."""
    ordered: int = 0
    """How often TRAINEVERY has asked for one."""
    coalesced: int = 0
    """How often an order stood then, so that none was placed."""
    drift: str = "off"
    """What NR.DRIFT says of new samples in one word: ``"off"``, ``"none"`` or ``"alarm"``."""
    full: str = "no"
    """Datasets that are full, so that a new sample for them replaces another: ``"no"``,
    ``"training"``, ``"testing"`` or ``"both"``."""
    recurrent: tuple[int, ...] = ()
    """Units of the layers that read sequences, once they have learned; empty without any."""
    fields: tuple[str, ...] = ()
    """``"age:number"`` ..., ``"->"`` before the outputs; empty where inputs have no names."""


_FIELDS = {field.name for field in dataclasses.fields(Info)}


def parse_info(reply: Reply) -> Info:
    """From NR.INFO's reply; fields this version does not know are left out."""
    assert isinstance(reply, list)
    found: dict[str, Any] = {}
    for field, value in zip(reply[::2], reply[1::2], strict=True):
        name = _NAMES.get(str(field), str(field))
        if name in _FIELDS:
            found[name] = value
    for flag in ("normalize", "training"):
        found[flag] = bool(found[flag])
    found["overfitting"] = found["overfitting"] == "yes"
    for units in ("layout", "recurrent"):
        found[units] = tuple(found.get(units, ()))
    found["fields"] = tuple(name.decode() for name in found.get("fields", ()))
    return Info(**found)


@dataclass(frozen=True)
class Order:
    """A training that runs or waits, as NR.THREADS tells."""

    nn_id: int
    key: str
    """As one word: odd bytes are \\xHH."""
    state: str
    """``"running"`` or ``"waiting"``."""
    worker: str
    """Who carries it out, or did so last, as ``host:pid``; ``"-"``: nobody yet."""
    attempt: int
    progress: Progress


def parse_order(line: str) -> Order:
    """From a line of NR.THREADS."""
    values = dict(pair.partition("=")[::2] for pair in line.split(" "))
    number, progress = parse_progress(line)
    place = (number, values["key"], values["state"], values["worker"])
    return Order(*place, int(values["attempt"]), progress)


def parse_progress(line: str) -> tuple[int, Progress]:
    """The network's id and its progress, from a line of NR.THREADS."""
    values = dict(pair.partition("=")[::2] for pair in line.split(" "))
    return int(values["nn_id"]), Progress(
        int(values["cycle"]),
        float(values["trainerr"]),
        float(values["testerr"]),
        float(values["classerr"]),
    )
