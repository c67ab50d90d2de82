"""Networks, awaited: the same calls as nr.network's, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast, overload
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike, NDArray

import nr.network
from nr.aio.describing import described_by
from nr.aio.drivers import Driver
from nr.aio.training import Starting, Training
from nr.calls import Call, evaluating, forecasts, networks, running, samples, trainings, words
from nr.calls.texts import Score, generate, score, translate
from nr.commands.drift import Drift
from nr.commands.explanation import Explanation, Which
from nr.commands.info import Info
from nr.commands.metrics import Metrics
from nr.commands.options import ConfigureOptions, Dataset, GenerateOptions
from nr.contracts.capabilities import RunsHere, capability
from nr.fields import Field

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nr.aio.database import Database

_T = TypeVar("_T")


@described_by(nr.network.Network)
class Network:
    """One network of a database, by its key. It holds nothing: the key may come and go.

    All methods raise NotFoundError where it has gone, and BackendError.
    """

    def __init__(self, db: Database, key: bytes) -> None:
        self.db = db
        self.key = key
        runs = capability(db.driver.backend, RunsHere)
        self._runner: running.Runner | None = runs.runner if runs else None

    @property
    def name(self) -> str:
        return words.name_of(self.key)

    def __repr__(self) -> str:
        return f"<nr.aio.Network {self.name!r}>"

    @property
    def _driver(self) -> Driver:
        return self.db.driver

    async def _do(self, call: Call[_T]) -> _T:
        return await self._driver.drive(call)

    # ---- samples ----

    async def observe(
        self,
        x: Any,
        y: Any = samples.AMONG_THEM,
        to: Dataset | None = None,
        *,
        weight: float | None = None,
    ) -> tuple[int, int]:
        return await self._do(samples.observe(self._driver.backend, self.key, x, y, to, weight))

    async def observe_many(
        self,
        X: ArrayLike | Any,
        Y: ArrayLike | None = None,
        to: Dataset | None = None,
        *,
        ignore_extra: bool = False,
        weights: ArrayLike | None = None,
    ) -> tuple[int, int]:
        rows = X, Y, to, ignore_extra, weights
        return await self._do(samples.observe_many(self._driver.backend, self.key, *rows))

    async def observe_query(
        self,
        sql: str,
        target: str | Sequence[str],
        to: Dataset | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        progress: bool = False,
        replace: bool = False,
        by: str | None = None,
    ) -> tuple[int, int]:
        query = sql, target, to, parameters, progress, replace, by
        return await self._do(samples.observe_query(self._driver.backend, self.key, *query))

    async def observe_series(
        self,
        frame: Any,
        *,
        time: str | None = None,
        value: str | None = None,
        by: str | None = None,
    ) -> dict[str, int]:
        return await self._do(forecasts.observe_series(self.key, frame, time, value, by))

    async def forecast(self, series: str | None = None, interval: float | None = None) -> Any:
        return await self._do(forecasts.forecast(self.key, series, interval))

    async def generate(self, prompt: str | None = None, **how: Unpack[GenerateOptions]) -> str:
        return await self._do(generate(self.key, prompt, **how))

    async def score(self, text: str, *, of: str | None = None) -> Score:
        return await self._do(score(self.key, text, of))

    async def translate(
        self, text: str, *, beam: int = 4, length: int | None = None
    ) -> dict[str, float]:
        return await self._do(translate(self.key, text, beam=beam, length=length))

    async def plot_forecast(
        self, series: str | None = None, interval: float | None = 0.9
    ) -> Figure:
        from nr.forecast_plot import figure

        return await self._do(figure(self.key, series, interval))

    async def sample(self, dataset: Dataset, row: int) -> Any:
        return await self._do(samples.sample(self.key, dataset, row))

    async def samples(self, dataset: Dataset, first: int = 0, last: int | None = None) -> list[Any]:
        return await self._do(samples.sample_range(self.key, dataset, first, last))

    # ---- running ----

    @overload
    async def run(self, x: Mapping[str, Any], *, ignore_extra: bool = ...) -> dict[str, float]: ...
    @overload
    async def run(
        self, x: Mapping[str, Any], *, ignore_extra: bool = ..., interval: float
    ) -> dict[str, tuple[float, float, float]]: ...
    @overload
    async def run(self, x: ArrayLike, *, interval: float | None = ...) -> NDArray[np.float64]: ...
    @overload
    async def run(
        self, x: Any, *, ignore_extra: bool = ..., interval: float | None = ...
    ) -> Any: ...
    async def run(
        self, x: Any, *, ignore_extra: bool = False, interval: float | None = None
    ) -> Any:
        return await self._do(running.run(self.key, x, self._runner, ignore_extra, interval))

    @overload
    async def classify(self, x: Mapping[str, Any], *, ignore_extra: bool = ...) -> str: ...
    @overload
    async def classify(
        self, x: Mapping[str, Any], *, ignore_extra: bool = ..., sure: float
    ) -> str | None: ...
    @overload
    async def classify(self, x: Sequence[float]) -> int: ...
    @overload
    async def classify(self, x: Sequence[float], *, sure: float) -> int | None: ...
    @overload
    async def classify(self, x: Sequence[Sequence[float]]) -> NDArray[np.int64]: ...
    @overload
    async def classify(
        self, x: ArrayLike, *, ignore_extra: bool = ..., sure: float | None = ...
    ) -> Any: ...
    async def classify(
        self, x: Any, *, ignore_extra: bool = False, sure: float | None = None
    ) -> Any:
        return await self._do(running.classify(self.key, x, self._runner, ignore_extra, sure))

    async def explain(
        self, row: Any, top: int | None = None, of: Which = None, *, ignore_extra: bool = False
    ) -> Explanation:
        return await self._do(running.explain(self.key, row, top, of, ignore_extra))

    # ---- training ----

    def train(
        self,
        *,
        maxcycles: int | None = None,
        timeout: float | None = None,
        maxtime: int | None = None,
        autostop: bool | None = None,
        backtrack: bool | None = None,
    ) -> Starting:
        if maxtime is not None:
            warn(words.MAXTIME, DeprecationWarning, stacklevel=2)
        limits = maxcycles, words.maxtime(timeout, maxtime), autostop, backtrack

        async def start() -> Training:
            call = trainings.train(self._driver.backend, self.key, *limits)
            return Training(self._driver, await self._do(call))

        return Starting(start)

    async def reset(self) -> None:
        await self._do(networks.reset(self.key))

    async def history(self) -> NDArray[np.float64]:
        return await self._do(networks.history(self.key))

    async def metrics(self) -> Metrics | None:
        return await self._do(networks.metrics(self.key))

    async def evaluate(self, X: Any, y: Any = None) -> Metrics:
        return await self._do(evaluating.evaluate(self.key, X, y, self._runner))

    async def plot_evaluation(self, X: Any, y: Any = None) -> Figure:
        from nr.evaluation_plot import figure

        return await self._do(figure(self.key, X, y, self._runner))

    async def drift(self) -> Drift:
        return await self._do(networks.drift(self.key))

    async def importance(self) -> Any:
        return await self._do(networks.importance(self.key))

    async def plot(self) -> Figure:
        from nr.plots import figure

        return await self._do(figure(self.key))

    async def clear(self, dataset: Dataset | None = None) -> int:
        return await self._do(networks.clear(self.key, dataset))

    async def forget(self, values: Mapping[str, Any]) -> int:
        return await self._do(networks.forget(self.key, values))

    # ---- the rest ----

    async def info(self) -> Info:
        return await self._do(networks.info(self.key))

    async def fields(self) -> tuple[Field, ...]:
        return await self._do(networks.fields_of(self.key))

    async def add_fields(self, kinds: Mapping[str, str]) -> None:
        await self._do(networks.add_fields(self.key, kinds))

    async def drop_fields(self, *names: str) -> None:
        await self._do(networks.drop_fields(self.key, names))

    async def configure(
        self, **options: Unpack[ConfigureOptions]
    ) -> dict[str, bool | float | str | None]:
        return await self._do(networks.configure(self.key, cast(dict[str, Any], options)))

    async def to_onnx(self) -> bytes:
        from nr.onnx import export

        return await self._do(export(self.key))

    async def dump(self) -> bytes:
        return await self._do(networks.dump(self.key))
