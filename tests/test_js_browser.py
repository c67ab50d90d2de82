"""The npm package in Chromium: a training in a Web Worker comes to the bits of this core."""

import http.server
import json
import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from test_js import executable, missing  # noqa: F401  (a fixture)

import nr

JS = Path(__file__).parents[1] / "js"
CREATE = "NR.CREATE net CLASSIFIER 2 5 -> 2 SEED 3 DATASET 40 TEST 20"
SAMPLES = [f"NR.OBSERVE net {i * 7 % 11} {i * 5 % 13} -> {int(i % 11 > 4)}" for i in range(60)]
REST = ["NR.TRAIN net MAXTIME 0 AUTOSTOP BACKTRACK", "NR.WAIT net 0"]
PAGE = f"""<!doctype html><script type="module">
import * as nr from "/src/index.js";
const tell = (found) => fetch("/", {{ method: "POST", body: JSON.stringify(found) }});
try {{
  const db = await nr.open();
  for (const line of {json.dumps([CREATE, *SAMPLES, *REST])}) await db.execute(line);
  const net = db.network("net");
  await tell([net.history(), net.run([3, 4])]);
}} catch (error) {{
  await tell(`${{error}}`);
}}
</script>"""


class Site(http.server.SimpleHTTPRequestHandler):
    """The page, the package, and what the page tells."""

    def __init__(self, told: "Queue[Any]", *args: Any) -> None:
        self.told = told
        super().__init__(*args, directory=str(JS))

    def do_GET(self) -> None:
        if self.path == "/":
            self.answer(PAGE)
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer("")

    def answer(self, page: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.soak
@pytest.mark.usefixtures("executable")
def test_a_training_in_chromium_has_the_same_bits(tmp_path: Path, db: nr.Database) -> None:
    if not (chromium := shutil.which("chromium")):
        missing("Not installed: chromium")
    for line in (CREATE, *SAMPLES, *REST):
        db.execute(line)
    told: Queue[Any] = Queue()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, told))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    argv = [chromium, *flags, f"http://127.0.0.1:{server.server_port}/"]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        try:
            found = told.get(timeout=120)
        finally:
            process.terminate()
            server.shutdown()
            server.server_close()
    assert found == [db.execute("NR.HISTORY net"), db.execute("NR.RUN net 3 4")]
