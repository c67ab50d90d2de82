"""Neural networks as a data type for the store you already run.

    import nr

    with nr.connect() as db:
        net = db.create("sum", "regressor", [2, 3, 1])
        net.observe_many([[1, 2], [3, 4], [5, 6], [1, 1]], [3, 7, 11, 2])
        net.train(maxcycles=1000).wait()
        print(net.run([2, 2]))

Every NR.* command is a method here, or goes through ``db.execute("NR.RUN sum 2 2")``.
"""

from nr.backends import sqlite_functions
from nr.calls.texts import Score
from nr.chains import from_onnx
from nr.commands.info import Info
from nr.commands.metrics import Metrics
from nr.database import Database, connect
from nr.engine import Progress
from nr.errors import (
    ArgumentError,
    BackendError,
    BusyError,
    CommandError,
    EngineError,
    Error,
    ExtraError,
    FormatError,
    NotFoundError,
    RowError,
    StillTrainingError,
    TrainingError,
    ValuesError,
)
from nr.executors import run_order
from nr.fields import Field
from nr.network import Network
from nr.training import Training
from nr.waiting import run_waiting

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "BackendError",
    "BusyError",
    "CommandError",
    "Database",
    "EngineError",
    "Error",
    "ExtraError",
    "Field",
    "FormatError",
    "Info",
    "Metrics",
    "Network",
    "NotFoundError",
    "Progress",
    "RowError",
    "Score",
    "StillTrainingError",
    "Training",
    "TrainingError",
    "ValuesError",
    "__version__",
    "connect",
    "from_onnx",
    "run_order",
    "run_waiting",
    "sqlite_functions",
]
