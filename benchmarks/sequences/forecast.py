"""Forecasts beside exponential smoothing, theta and ARIMA.

Series that statsmodels and aeon bundle, each forecast from three origins, its last three horizons
in turn, with all defaults (nr with another seed for each origin; it finds the season itself, the
others are told). The error is the mean absolute scaled error: 1 is how far off the value a season
ago was, on average, in the steps before. AutoETS, AutoTheta and AutoARIMA are statsforecast's.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nr
from benchmarks.quality.claims import Claim
from benchmarks.quality.datasets import DataMissing, packaged
from benchmarks.quality.tables import markdown
from benchmarks.sequences.part import Part

Values = NDArray[np.float64]
Forecast = Callable[[Values, int, int], Values]
"""From the steps so far, the season and the horizon to the next steps."""

SEEDS = (1, 2, 3)
MOST = 0.8  # on AirPassengers


@dataclass(frozen=True)
class Series:
    name: str
    values: Values
    season: int
    horizon: int


def measure() -> Part:
    contenders: dict[str, Forecast] = {"seasonal naive": seasonal_naive, "nr": ours, **peers()}
    found: dict[str, list[float]] = {}
    rows = []
    series = [*bundled_by_aeon(), *bundled_by_statsmodels()]
    for title, forecast in contenders.items():
        began = process_time()
        found[title] = [error(one, forecast) for one in series]
        took = process_time() - began
        rows.append(
            [title, f"{np.mean(found[title]):.3f}", f"{found[title][0]:.2f}", f"{took:.0f} s"]
        )
    best = np.mean(found["nr"])
    claims = [
        Claim(f"AirPassengers: at most {MOST}", found["nr"][0] <= MOST, f"{found['nr'][0]:.2f}"),
        Claim(
            f"Not worse than AutoETS in the mean of {len(series)} series",
            bool(best <= np.mean(found["AutoETS"])),
            f"{best:.3f} and {np.mean(found['AutoETS']):.3f}",
        ),
    ]
    head = ["MASE", "mean", "AirPassengers", "processor time"]
    each = [
        [one.name, *(f"{found[title][at]:.2f}" for title in found)] for at, one in enumerate(series)
    ]
    tables = f"{markdown(head, rows)}\n\n{markdown(['series', *found], each)}"
    return Part("Forecasts", claims, f"{(__doc__ or '').split(chr(10), 2)[2]}\n\n{tables}")


def error(series: Series, forecast: Forecast) -> float:
    """The mean over the origins."""
    found = []
    for back in (3, 2, 1):
        end = len(series.values) - back * series.horizon
        known, came = np.split(series.values[: end + series.horizon], [end])
        ahead = forecast(known, series.season, series.horizon)
        unit = np.abs(known[series.season :] - known[: -series.season]).mean()
        found.append(np.abs(came - ahead).mean() / unit)
    return float(np.mean(found))


# ---- contenders ----


def seasonal_naive(known: Values, season: int, horizon: int) -> Values:
    return np.resize(known[-season:], horizon)


def ours(known: Values, season: int, horizon: int) -> Values:
    with nr.connect("memory://") as db:
        seed = SEEDS[len(known) % len(SEEDS)]
        net = db.create("s", "forecaster", {}, target="y", horizon=horizon, seed=seed)
        net.observe_series(pd.DataFrame({"y": known}))
        net.train().wait()
        ahead: Values = net.forecast()
        return ahead


def peers() -> dict[str, Forecast]:
    try:
        from statsforecast import models
    except ImportError as failed:
        raise DataMissing("pip install statsforecast statsmodels") from failed

    def by(name: str) -> Forecast:
        make = getattr(models, name)
        return lambda known, season, horizon: np.asarray(
            make(season_length=season).forecast(known, h=horizon)["mean"]
        )

    return {name: by(name) for name in ("AutoETS", "AutoTheta", "AutoARIMA")}


# ---- series ----


def column(name: str, title: str) -> Values:
    with packaged("aeon", name, "datasets").open(encoding="utf-8") as file:
        return np.array([float(row[title]) for row in csv.DictReader(file)])


def bundled_by_aeon() -> list[Series]:
    found = [
        Series("AirPassengers", column("Airline.csv", "Passengers"), 12, 12),
        Series("lynx", column("Lynx.csv", "0"), 1, 8),
        Series("PBS scripts", column("PBS_dataset.csv", "Scripts"), 12, 12),
    ]
    titles = ("Consumption", "Income", "Production", "Savings", "Unemployment")
    more = [Series(f"US {title.lower()}", column("Uschange.csv", title), 4, 8) for title in titles]
    return found + more


def bundled_by_statsmodels() -> list[Series]:
    try:
        from statsmodels import datasets
    except ImportError as failed:
        raise DataMissing("pip install statsforecast statsmodels") from failed
    weeks = datasets.co2.load_pandas().data["co2"].interpolate()
    months = weeks.resample("MS").mean().to_numpy()[-300:]
    sea = datasets.elnino.load_pandas().data.drop(columns="YEAR").to_numpy().ravel()
    found = [
        Series("CO2", months, 12, 12),
        Series("El Niño", sea, 12, 12),
        Series("sunspots", values(datasets.sunspots, "SUNACTIVITY"), 1, 11),
        Series("Nile", values(datasets.nile, "volume"), 1, 8),
    ]
    titles = ("realgdp", "realcons", "realinv", "cpi", "unemp", "m1", "tbilrate", "infl")
    macro = datasets.macrodata
    return found + [Series(f"US {title}", values(macro, title), 4, 8) for title in titles]


def values(dataset: object, title: str) -> Values:
    return np.asarray(dataset.load_pandas().data[title], float)  # type: ignore[attr-defined]
