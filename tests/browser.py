"""A headless Chromium for the tests, driven by its DevTools protocol: one page, one command at a time."""

import base64
import contextlib
import functools
import http.server
import json
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import websocket

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
NEEDS_BROWSER = "no Chromium is installed"
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)


class Browser:
    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket
        self._number = 0
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = self._next()
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return dict(message["result"])

    def open(self, address: str) -> None:
        """Load a page, with everything that it refers to."""
        self.call("Page.navigate", url=address)
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression; of a promise, its result."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def holds(self, condition: str) -> bool:
        """Return whether an expression becomes true within ten seconds."""
        return bool(
            self.evaluate(f"""(async () => {{
              for (let round = 0; round < 1000 && !({condition}); round++)
                await new Promise(done => setTimeout(done, 10));
              return {condition};
            }})()""")
        )

    def resize(self, width: int, height: int = 900) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def prefer(self, **media: str) -> None:
        """Set media features: color_scheme="dark", reduced_motion="reduce"."""
        features = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in media.items()]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _next(self) -> dict[str, Any]:
        message = json.loads(self._socket.recv())
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        return dict(message)


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    assert PROGRAM is not None
    process = subprocess.Popen(
        [PROGRAM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        socket = websocket.create_connection(_address(profile / "DevToolsActivePort"), timeout=60)
        try:
            yield Browser(socket)
        finally:
            socket.close()
    finally:
        process.terminate()
        process.wait(30)


def _address(file: Path) -> str:
    """Return the address of the first page, as soon as the browser listens."""
    deadline = time.monotonic() + 60
    while not file.exists() or not file.read_text(encoding="utf-8"):
        if time.monotonic() > deadline:
            raise TimeoutError("Chromium did not start")
        time.sleep(0.05)
    port = file.read_text(encoding="utf-8").splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=60) as answer:
        pages = json.load(answer)
    return str(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; yield its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
