"""Acceptance 23: a recording of hours opens with its waveform, and in little memory."""

from __future__ import annotations

import re
import wave
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from tests.conftest import Portal
from tests.e2e.conftest import by_tuspy
from tests.e2e.looking import OpenPage, opened, until

TIME = "document.getElementById('media').currentTime"


def test_acceptance_23_three_hours_of_sound_open_with_peaks_in_little_memory(
    open_page: OpenPage, portal: Portal, token: str, tmp_path: Path
) -> None:
    file = tmp_path / "three-hours.wav"
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", ""))
        for minute in range(180):
            sound.writeframes(bytes([128 + minute % 90, 128 - minute % 90]) * 240_000)
    call = by_tuspy(portal, token, file, "three-hours.wav")
    portal.recording(call, seconds=120)
    page = opened(open_page(), call)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def heap() -> float:
        session.send("HeapProfiler.collectGarbage")
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize") / 1e6

    until(page, "peaks.length === 1000")
    before, tab = heap(), memory_of_tabs(page)
    for minute in range(10, 180, 17):
        page.evaluate(f"{TIME} = {60 * minute}")
        until(page, "!document.getElementById('media').seeking")
        play_on(page)
    assert heap() < before + 3, "megabytes of JavaScript, after ten seeks over three hours"
    assert before < 20
    assert memory_of_tabs(page) < tab + 100, "of the 345 that the sound has once it is decoded"
    expect(page.locator("#clock")).to_have_text(re.compile(r"^2:43:\d\d / 3:00:00$"))


def memory_of_tabs(page: Page) -> float:
    """Megabytes that the browser's pages have for themselves, what they decode included."""
    assert page.context.browser is not None
    told = page.context.browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    pages = [each["id"] for each in told["processInfo"] if each["type"] == "renderer"]
    return sum(psutil.Process(pid).memory_full_info().uss for pid in pages) / 1e6


def play_on(page: Page) -> None:
    start = page.evaluate(TIME)
    page.evaluate("document.getElementById('media').muted = true")
    page.evaluate("document.getElementById('media').play()")
    until(page, f"{TIME} > {start} + 0.3")
