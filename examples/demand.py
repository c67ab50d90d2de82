"""How many will fly next year? Three years are forecast from those before, one by one.

Run it with: python examples/demand.py [URL]

AirPassengers (Box and Jenkins, 1976): thousands of passengers of international flights, month by
month, 1949 to 1960. The data come with aeon, of which nothing else is needed: pip install --no-deps
aeon. A forecast is measured by its mean absolute scaled error (MASE): 1 is how far off, on average,
last year's same month was in the years before.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

import nr

YEAR = 12


def passengers() -> pd.DataFrame:
    """A row a month."""
    package = find_spec("aeon")
    if package is None or package.origin is None:
        sys.exit("The data come with aeon: pip install --no-deps aeon")
    return pd.read_csv(Path(package.origin).parent / "datasets/data/Airline/Airline.csv")


def scaled_error(ahead: np.ndarray, known: np.ndarray, came: np.ndarray) -> float:
    return float(np.abs(came - ahead).mean() / np.abs(known[YEAR:] - known[:-YEAR]).mean())


def main(url: str | None = None) -> bool:
    months = passengers()
    flown = months.Passengers.to_numpy(float)
    errors, naive = [], []
    with nr.connect(url) as db:
        for end in range(len(months) - 3 * YEAR, len(months), YEAR):
            db.execute("NR.DEL", "example:demand")
            net = db.create("example:demand", "forecaster", {}, target="demand", seed=1)
            net.observe_series(months[:end], time="Date", value="Passengers")
            net.train().wait()
            known, came = flown[:end], flown[end : end + YEAR]
            errors.append(scaled_error(net.forecast(), known, came))
            naive.append(scaled_error(known[-YEAR:], known, came))
            year = months.Date[end][:4]
            print(f"{year}: an error of {errors[-1]:.2f}, {naive[-1]:.2f} as last year")
        net.observe_series(months[end:], value="Passengers")
        print("January 1961, from what is known by then, 4 times of 5 within:")
        low, value, high = net.forecast(interval=0.8)[0]
        print(f"  {low:.0f} to {high:.0f}, most likely {value:.0f} thousand")
    error = np.mean(errors)
    print(f"A mean error of {error:.2f}, {np.mean(naive):.2f} as last year")
    return bool(error <= 0.8)


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "Too far off.")
