"""A page of somebody's site that sends with ResumableUploader, and what it has sent so far."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Request, Route

from tests.conftest import Portal

PAGE = """<!doctype html><title>Site</title><input type="file" id="file">
<script src="/static/js/resumable-upload-client.js"></script>
<script>
  const seen = { percents: [], retries: [], renewals: 0, result: null, error: null };
  let uploader;
  const begin = ({ renewed, ...settings }) => {
    const refreshToken = async () => {
      seen.renewals += 1;
      await new Promise((end) => setTimeout(end, 500)); // the other chunks ask meanwhile
      return renewed.replace("{}", seen.renewals);
    };
    uploader = new ResumableUploader({ ...settings, ...(renewed && { refreshToken }) });
    uploader.uploadFile(document.getElementById("file").files[0], {
      onProgress: (percent) => seen.percents.push(percent),
      onRetry: ({ error: { code, status }, delay }) => seen.retries.push({ code, status, delay }),
    }).then(
      (result) => { seen.result = result; },
      ({ code, status, message }) => { seen.error = { code, status, message }; },
    );
  };
</script>"""


class Site:
    """The page, opened at `address`: `/elsewhere` is a page of that server's own."""

    def __init__(self, page: Page, portal: Portal, token: str, address: str = "/site") -> None:
        self.page, self.portal, self.token = page, portal, token
        self.sent: list[int] = []
        page.on("request", self._note)
        if address.endswith("/site"):  # a page with routes answers its preflights itself
            page.route("**/site", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        page.goto(address)

    def _note(self, request: Request) -> None:
        number = request.headers.get("x-chunk-index")
        if request.method == "POST" and number is not None:
            self.sent.append(int(number))

    def begin(self, file: Path, **settings: Any) -> None:
        """Choose the file and send it, with short pauses after failures."""
        self.page.locator("#file").set_input_files(file)
        usual = {"apiUrl": "/api/v1/upload", "authToken": self.token, "retryDelay": 50}
        self.page.evaluate("(settings) => begin(settings)", usual | settings)

    def slow(self) -> None:
        """From now on the line takes four seconds for 16 MB."""
        session = self.page.context.new_cdp_session(self.page)
        line = {"offline": False, "latency": 5, "downloadThroughput": -1}
        session.send("Network.emulateNetworkConditions", line | {"uploadThroughput": 4_000_000})

    def do(self, act: str) -> None:
        self.page.evaluate(f"uploader.{act}()")

    def until(self, condition: str, seconds: float = 60) -> None:
        self.page.wait_for_function(condition, timeout=seconds * 1000)

    def seen(self, name: str) -> Any:
        return self.page.evaluate(f"seen.{name}")

    def result(self, seconds: float = 60) -> dict[str, Any]:
        self.until("seen.result || seen.error", seconds)
        assert self.seen("error") is None
        found: dict[str, Any] = self.seen("result")
        return found

    def error(self, seconds: float = 60) -> dict[str, Any]:
        self.until("seen.result || seen.error", seconds)
        found: dict[str, Any] = self.seen("error")
        return found


@contextmanager
def elsewhere() -> Iterator[tuple[str, Callable[[str], None]]]:
    """The origin of another web server, and how to tell it what its one page is."""
    pages: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages[-1].encode())

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}", pages.append
        server.shutdown()


def pass_on(page: Page, address: str, portal: Portal, **headers: str) -> None:
    """Let this address of another host lead to the portal."""

    def fetched(route: Route) -> None:
        path = route.request.url.removeprefix(address)
        sent = route.request.headers | headers
        route.fulfill(response=route.fetch(url=portal.url + path, headers=sent))

    page.route(f"{address}/**", fetched)
