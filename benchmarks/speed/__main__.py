"""The command; see the package's docstring."""

from pathlib import Path

import click

from benchmarks import cores
from benchmarks.speed import claims, growth, harness, latency, report, rounds, scaling

DOCS = Path(__file__).parents[2] / "docs"


@click.command()
@click.option("--rounds", "times", default=rounds.ROUNDS, show_default=True)
@click.option("--docs", default=DOCS, show_default=True, type=click.Path(path_type=Path))
def main(times: int, docs: Path) -> None:
    """Measure, print the ratios and write speed.md and speed.png."""
    harness.build()
    for name, flags in rounds.CORES.items():
        cores.build(name, flags)
    figures = rounds.measure(rounds.plan(), times)
    speedups = scaling.speedups()
    samples, weights = growth.by_samples(), growth.by_weights()
    report.write(figures, speedups, samples, weights, latency.latencies(), docs)
    print(report.verdict(claims.claims(figures, samples, speedups)))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.speed")
