"""A small WebDriver client over HTTP, for Chromium with its driver: what the tests of the pages need of it."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Shift": "\ue008", "Alt": "\ue00a", "Control": "\ue009",
    "Up": "\ue013", "Left": "\ue012", "Right": "\ue014", "Down": "\ue015", "Space": " ", "Backspace": "\ue003",
}  # fmt: skip
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --disable-extensions "
    "--force-prefers-reduced-motion --window-size=1200,900"
)


def missing() -> str | None:
    """Why no browser can be had here; None when it can."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not installed" if absent else None


class WebDriverError(RuntimeError):
    """What the driver answered instead of a value."""


class Browser:
    """One session of one browser, with an empty profile. `close` ends both processes."""

    def __init__(self, profile: Path) -> None:
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.driver.stdout is not None
        line = next(line for line in self.driver.stdout if "successfully on port" in line)
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", int(line.rpartition("port ")[2].strip(" .\n")), timeout=60
        )
        # Every name but this machine's is unknown to it, as without a network.
        flags = [
            *FLAGS.split(),
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": flags},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        self.session = ""
        try:
            made = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        except BaseException:
            self.close()
            raise
        self.session = f"/session/{made['sessionId']}"

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body)
        self.connection.request(method, path, sent, {"Content-Type": "application/json"})
        value = json.loads(self.connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise WebDriverError(f"{value['error']}: {value['message'].splitlines()[0]}")
        return value

    def do(self, method: str, path: str, body: Any = None) -> Any:
        """A command of the session."""
        return self._send(method, self.session + path, body)

    def close(self) -> None:
        """End the session and the driver."""
        try:
            if self.session:
                self._send("DELETE", self.session)
        finally:
            self.connection.close()
            self.driver.terminate()
            self.driver.wait(20)
            assert self.driver.stdout is not None
            self.driver.stdout.close()

    def open(self, url: str) -> None:
        """Load a page."""
        self.do("POST", "/url", {"url": url})

    def js(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def cdp(self, command: str, **parameters: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def find(self, selector: str) -> dict[str, str]:
        """The first element of a selector."""
        return self.do("POST", "/element", {"using": "css selector", "value": selector})

    def all_text(self, selector: str) -> list[str]:
        """The text of all elements of a selector, as it is in the document."""
        return self.js("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)

    def text(self, selector: str) -> str:
        """The text of them, joined."""
        return "\n".join(self.all_text(selector))

    def click(self, selector: str) -> None:
        """Click it, as a pointer does."""
        self.do("POST", f"/element/{self.find(selector)[ELEMENT]}/click", {})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, where the focus is; `Alt+KeyN` holds the first ones. Else: text to type."""
        actions: list[dict[str, str]] = []
        for key in keys:
            parts = key.split("+") if key.count("+") and key.split("+")[0] in KEYS else [key]
            strokes = [KEYS.get(part, part) for part in parts]
            if len(strokes) == 1 and parts[0] not in KEYS:
                strokes = list(strokes[0])
                actions += [{"type": kind, "value": s} for s in strokes for kind in ("keyDown", "keyUp")]
                continue
            actions += [{"type": "keyDown", "value": stroke} for stroke in strokes]
            actions += [{"type": "keyUp", "value": stroke} for stroke in reversed(strokes)]
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def until(self, met: Callable[[], Any], seconds: float = 10.0) -> Any:
        """What `met` gives once it is true; an AssertionError when that takes too long."""
        end = time.monotonic() + seconds
        while not (found := met()):
            assert time.monotonic() < end, f"not met: {self.js('return document.body.innerText')[-1500:]}"
            time.sleep(0.02)
        return found

    def focused(self) -> str:
        """The focused element: its id, or its text."""
        return self.js("const e = document.activeElement; return e.id || e.textContent.trim() || e.tagName")

    def size(self, width: int, height: int) -> None:
        """Take a window of so many pixels."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name: str) -> None:
        """Prefer light or dark."""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path: Path) -> None:
        """A screenshot."""
        path.write_bytes(base64.b64decode(self.do("GET", "/screenshot")))

    def complaints(self) -> list[str]:
        """What the console said since it was asked last: blocked things, errors."""
        return [
            entry["message"] for entry in self.do("POST", "/se/log", {"type": "browser"}) if entry["level"] != "INFO"
        ]

    def asked(self) -> list[str]:
        """The addresses that were asked for since this was asked last."""
        entries = self.do("POST", "/se/log", {"type": "performance"})
        events = [json.loads(entry["message"])["message"] for entry in entries]
        urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if url.startswith(("http", "ws"))]  # what the empty tab shows is its own
