"""Chromium without a window, driven by its own driver, for tests of pages."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conftest import need

AXE_VERSION = "4.14.1"

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--force-color-profile=srgb"),
)


class Browser:
    """One window, which remembers what pages asked for and complained of."""

    def __init__(self, address: str, folder: str) -> None:
        """Open it; `address` is the driver's, `folder` an empty one for its profile."""
        options = {
            "binary": shutil.which("chromium"),
            "args": [*_FLAGS, f"--user-data-dir={folder}"],
        }
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        self._address = f"{address}/session"
        made = self._ask("", {"capabilities": {"alwaysMatch": wanted}})
        self._address += f"/{made['sessionId']}"

    def _ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def quit(self) -> None:
        """Close it."""
        self._ask("", method="DELETE")

    def open(self, page: Path, part: str = "") -> None:
        """Load a file, or go to a part of it (`#p1`)."""
        self._ask("/url", {"url": page.as_uri() + part})

    @property
    def address(self) -> str:
        """What is loaded."""
        return str(self._ask("/url"))

    def run(self, script: str, *arguments: object) -> Any:
        """Return what a function's body returns, or the promise that it returns."""
        return self._ask("/execute/sync", {"script": script, "args": arguments})

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is; `_KEYS` has names for some."""
        named = [_KEYS.get(key, key) for key in keys]
        steps = [{"type": kind, "value": key} for key in named for kind in ("keyDown", "keyUp")]
        self._ask("/actions", {"actions": [{"type": "key", "id": "keys", "actions": steps}]})

    def tell(self, command: str, **settings: object) -> Any:
        """Give a command of the developer tools' own."""
        return self._ask("/goog/cdp/execute", {"cmd": command, "params": settings})

    def show(self, width: int, height: int = 900, *, scheme: str = "light", kind: str = "") -> None:
        """Have the window of a size in pixels, light or dark, for the screen or for `print`."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.tell("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.tell("Emulation.setEmulatedMedia", media=kind, features=features)

    def logs(self) -> tuple[list[str], list[str]]:
        """Return what was complained of, and every file or host that was asked for, since last time."""
        found = self._ask("/se/log", {"type": "performance"})
        events = [json.loads(one["message"])["message"] for one in found]
        asked = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            and not event["params"]["request"]["url"].startswith(("data:", "chrome:"))
        ]
        complaints = [one["message"] for one in self._ask("/se/log", {"type": "browser"})]
        return complaints, asked


_KEYS = {"Tab": "\ue004", "Enter": "\ue007"}


def axe() -> str:
    """Return the source of axe-core."""
    modules = Path(os.environ.get("PRODIA_JS_SDK", "nowhere"), "node_modules/axe-core")
    need(
        f"axe-core (npm install axe-core@{AXE_VERSION} in $PRODIA_JS_SDK)",
        is_there=(modules / "axe.min.js").exists(),
    )
    return (modules / "axe.min.js").read_text()


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Give a browser to a block; skip the test where there is none, but fail it in CI."""
    driver = shutil.which("chromedriver")
    there = driver is not None and shutil.which("chromium") is not None
    need("Chromium (apt-get install chromium chromium-driver)", is_there=there)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [str(driver), "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "successfully on port" in line)
            browser = Browser(f"http://127.0.0.1:{line.split()[-1].rstrip('.')}", folder)
            yield browser
            browser.quit()
        finally:
            process.terminate()
