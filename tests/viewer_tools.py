"""The viewer in Debian's Chromium, for the tests of the page."""

import base64
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving_tools import running

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DROP = """([selector, files]) => {
    const transfer = new DataTransfer();
    for (const [name, base64] of files) {
        transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    }
    const drop = new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true});
    return document.querySelector(selector).dispatchEvent(drop);
}"""


@contextmanager
def served(model: Path, **environment: str) -> Iterator[str]:
    """Address of a real service whose log is read as it comes: a full pipe would stop it."""
    with running(model, **environment) as (address, process):
        assert process.stderr is not None
        threading.Thread(target=_drain, args=[process.stderr.fileno()], daemon=True).start()
        yield address


def _drain(pipe: int) -> None:
    while os.read(pipe, 65536):
        pass


@contextmanager
def opened(playwright: Any, chromium: str, address: str, *, width: int = 1280, height: int = 800) -> Iterator[Any]:
    """The viewer's page; `complaints` are what its console says of errors, `posts` its requests for a score."""
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    page = browser.new_page(viewport={"width": width, "height": height}, accept_downloads=True)
    page.set_default_timeout(30_000)
    page.complaints, page.posts, page.address = [], [], address
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda one: page.posts.append(one) if one.url.endswith("/v1/scans") else None)
    page.goto(address)
    yield page
    browser.close()


def drop(page: Any, paths: Path | Iterable[Path], selector: str = "#scan-pane") -> bool:
    """Drop files; whether the browser would act on them itself, which leaves the page."""
    files = [paths] if isinstance(paths, Path) else list(paths)
    encoded = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in files]
    return bool(page.evaluate(DROP, [selector, encoded]))


def show(page: Any, path: Path) -> None:
    """Drop a scan and wait for its answer."""
    drop(page, path)
    page.wait_for_function("name => viewer.state.record?.path === name", arg=path.name)
