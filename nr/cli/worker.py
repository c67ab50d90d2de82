"""``nr worker``: carries out trainings that wait, and says so, a line a training."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

import nr
from nr.cli import printing
from nr.cli.ranks import lead, leading
from nr.contracts.capabilities import CarriesOut, capability
from nr.engine import Outcome
from nr.trainings import Job
from nr.waiting import worker_of


class Log:
    """Lines to standard error, as text or as JSON."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._lock = threading.Lock()

    def say(self, event: str, text: str, **more: Any) -> None:
        """One line: ``text`` for people, ``event`` and the rest for programs."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **more}) if self._json else f"{now} {text}"
        with self._lock:
            print(line, file=sys.stderr, flush=True)


class _Warnings(logging.Handler):
    """What the logger ``nr`` has to say, in the same form."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self._log.say("warning", text, message=text)


class Numbers:
    """What there is to measure of this worker, for Prometheus."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = dict.fromkeys(("merged", "kept", "failed", "dropped", "lost"), 0)
        self._looked = monotonic()

    def count(self, outcome: str) -> None:
        """A training has ended so."""
        with self._lock:
            self._ended[outcome] += 1

    def looked(self) -> None:
        """The store has been reached."""
        self._looked = monotonic()

    def text(self) -> str:
        """In the text format of Prometheus."""
        with self._lock:
            ended = dict(self._ended)
        lines = ["# TYPE nr_worker_trainings_total counter"]
        for outcome, number in ended.items():
            lines.append(f'nr_worker_trainings_total{{outcome="{outcome}"}} {number}')
        lines += [
            "# TYPE nr_worker_seconds_since_last_look gauge",
            f"nr_worker_seconds_since_last_look {monotonic() - self._looked:.3f}",
        ]
        return "\n".join(lines) + "\n"


def serve(numbers: Numbers, where: str) -> ThreadingHTTPServer:
    """Answers GET /metrics at ``[host:]port``, by default of this machine only."""
    host, _, port = where.rpartition(":")

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/metrics"
            body = numbers.text().encode() if found else b"GET /metrics\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    try:
        server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), Answers)
    except (OSError, ValueError, OverflowError) as error:
        raise nr.BackendError(f"--metrics {where}: {error}") from error
    threading.Thread(target=server.serve_forever, name="nr metrics", daemon=True).start()
    return server


class Reporter:
    """Tells and counts what becomes of each training, and that the worker is alive."""

    def __init__(self, log: Log, health: str | None) -> None:
        self.log = log
        self.numbers = Numbers()
        self._health = Path(health) if health else None
        self._failed = False

    def told(self, job: Job) -> None:
        """A training of this worker has ended."""
        kind, why = job.outcome or (None, "another worker carries it out by now")
        outcome = kind.name.lower() if kind in _TOLD else "lost"
        self.numbers.count(outcome)
        order, reached = job.lease.order, job.progress()
        name, seconds = printing.word(job.key), job.seconds
        because = f": {why}" if why else ""
        self.log.say(
            "training",
            f"{name} {outcome}{because}, {reached.cycles} cycles in {seconds:.3f} s, attempt "
            f"{order.attempt}",
            key=job.key.decode("utf-8", "backslashreplace"),
            outcome=outcome,
            why=why,
            cycles=reached.cycles,
            test_error=reached.test_error,
            seconds=round(seconds, 3),
            attempt=order.attempt,
        )

    def alive(self) -> None:
        """The store has been looked at."""
        self.numbers.looked()
        if self._health is None:
            return
        try:
            self._health.touch()
        except OSError as error:
            if not self._failed:
                self.log.say("warning", f"--health {self._health}: {error}", message=str(error))
            self._failed = True


_TOLD = {Outcome.MERGED, Outcome.KEPT, Outcome.FAILED, Outcome.DROPPED}


def work(
    url: str | None,
    match: str | None,
    threads: int | None,
    once: bool,
    grace: float,
    log_form: str,
    health: str | None,
    metrics: str | None,
    ranks: bool,
) -> None:
    """Runs a worker until a signal ends it, or with ``once`` until no order waits."""
    with leading(ranks) as leader:
        if leader and threads not in (None, 1):
            raise nr.ArgumentError("with --ranks, one training is carried out at a time")
        reporter = Reporter(Log(log_form == "json"), health)
        warnings = _Warnings(reporter.log)
        logging.getLogger("nr").addHandler(warnings)
        server = serve(reporter.numbers, metrics) if metrics else None
        try:
            with nr.connect(url, trainings="here") as db:
                check_shared(db)
                lead(db, leader)
                _work(db, match, 1 if leader else threads, once, grace, reporter)
        finally:
            logging.getLogger("nr").removeHandler(warnings)
            if server:
                server.shutdown()
                server.server_close()
            if health:
                with suppress(OSError):
                    Path(health).unlink()


def check_shared(db: nr.Database) -> None:
    carries_out = capability(db.backend, CarriesOut)
    if carries_out and not carries_out.trainings.shared:
        raise nr.BackendError(
            "no other process can leave trainings in this store, which is this process' own: give "
            "--url, or NR_URL"
        )


def _work(
    db: nr.Database,
    match: str | None,
    threads: int | None,
    once: bool,
    grace: float,
    reporter: Reporter,
) -> None:
    say = reporter.log.say
    pattern = None if match is None else os.fsencode(match)
    with worker_of(db, threads, pattern, reporter.told, reporter.alive) as worker:
        before = {
            number: signal.signal(number, lambda *_: worker.end())
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            say("start", f"takes orders, process {os.getpid()}", pid=os.getpid())
            taken = worker.work(wait=not once)
            back = worker.close(grace)
            text = f"ends, {taken} orders taken, {back} given back"
            say("end", text, taken=taken, given_back=back)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
