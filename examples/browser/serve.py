"""Serves the pages beside it, and the network that one of them follows.

    make wasm
    python examples/browser/serve.py [URL]      until Ctrl-C; it prints two addresses

The network is that of examples/promotions.py, in the store of the URL, or in an SQLite file in a
temporary directory. Some visitors that are made up have clicked already; the server trains it again
whenever 50 samples have come. The pages are plain files: for digits.html alone
`python -m http.server` in the project's directory will do.
"""

import http.server
import subprocess
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path

import nr

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "examples"))
import promotions  # noqa: E402

VISITORS = 1500
KEY = "example:promotions"


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def learn(url: str) -> None:
    """Makes the network anew, and lets visitors come who see any promotion."""
    with nr.connect(url) as db:
        db.execute("NR.DEL", KEY)
        net = promotions.network(url)
        samples = []
        for i in range(VISITORS):
            who, shown = promotions.visitor(), promotions.PROMOTIONS[i % 3]
            samples.append({**who, "promotion": shown, "clicked": promotions.clicks(who, shown)})
        net.observe_many(samples)
        net.train().wait()
        net.configure(trainevery=50)


def main(url: str) -> None:
    learn(url)
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(ROOT)))
    origin = f"http://localhost:{pages.server_port}"
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    argv = [sys.executable, "-m", "nr", "serve", "--url", url, "--http", "0", "--cors", origin]
    server = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr
        line = server.stderr.readline()
        place = line.partition("HTTP on ")[2].strip().replace("127.0.0.1", "localhost")
        if not place:
            raise SystemExit(line + server.stderr.read())
        print(f"{origin}/examples/browser/digits.html")
        network = f"{place}networks/{KEY}"
        print(f"{origin}/examples/browser/promotions.html?server={network}", flush=True)
        server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()
        pages.shutdown()
        pages.server_close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        main(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{directory}/nets.db")
