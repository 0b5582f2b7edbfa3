"""`python -m bench.interactive DATABASE_URL`: how soon Chromium can use the list, and its weight.

The database is one that bench.million has filled. A portal as in production serves it; the browser
begins with nothing, then with what it has kept. Interactive is when all scripts of the page have
run and nothing holds the browser up: the end of DOMContentLoaded, or of the last long task.
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, Response, sync_playwright

from tests.conftest import PASSWORD, Portal

ROUNDS = 20
PAGES = {
    "list": "/recordings",
    "cards": "/recordings?view=cards",
    "filter": "/recordings?view=table&source=calls&tag=vip",
    "search": "/recordings?q=invoice+silva",
}
INTERACTIVE = """async () => {
    const found = [performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd];
    new PerformanceObserver((list) => {
        for (const each of list.getEntries()) found.push(each.startTime + each.duration);
    }).observe({ type: "longtask", buffered: true });
    await new Promise((done) => requestIdleCallback(done));
    return Math.max(...found);
}"""


def sign_in(browser: Browser, portal: Portal, email: str) -> Page:
    page = browser.new_context(base_url=portal.url).new_page()
    page.goto("/login")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/")
    return page


def interactive(page: Page, path: str, cached: bool) -> float:
    """Milliseconds from the click to a page that answers."""
    if not cached:
        page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.goto(path, wait_until="load")
    return float(page.evaluate(INTERACTIVE))


def weight(page: Page, path: str) -> dict[str, float]:
    """kB of a first visit by kind, each file compressed as a proxy in front does it."""
    got: list[Response] = []
    page.on("response", lambda answer: got.append(answer))
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.goto(path, wait_until="networkidle")
    kinds: dict[str, float] = {}
    for each in got:
        packed = len(gzip.compress(each.body())) / 1000
        kind = each.request.resource_type
        kinds[kind] = kinds.get(kind, 0) + packed
    return kinds


def report(page: Page) -> None:
    for name, path in PAGES.items():
        for cached in (False, True):
            times = [interactive(page, path, cached) for _ in range(ROUNDS)]
            median, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
            visit = "again" if cached else "first visit"
            print(f"{name:8} {visit:12} interactive: median {median:5.0f} ms  p95 {p95:5.0f} ms")
    kinds = weight(page, "/recordings?view=table")
    parts = ", ".join(f"{kind} {size:.1f}" for kind, size in kinds.items())
    print(f"the list, compressed, kB: {parts}; together {sum(kinds.values()):.1f}")


def main() -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = {"PORTAL_DATABASE_URL": sys.argv[1], "PORTAL_JOB_WORKERS": "0"}
        portal = Portal(Path(folder), **settings)
        portal.cli("migrate", "--adopt-storage", "main")  # its folder is gone, if it ever was
        portal.start()
        try:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            report(sign_in(browser, portal, portal.person("officer")))
        finally:
            portal.drop()


if __name__ == "__main__":
    main()
