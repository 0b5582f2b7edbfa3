"""The sheet of small pictures for the seek bar: which moments it shows, and what may go wrong."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import VideoFrame
from numpy.typing import NDArray

from portal.core import pictures
from portal.core.content import inspect
from portal.core.frames import open_media

Pixels = NDArray[np.uint8]


def film(
    path: Path, seconds: list[float], size: tuple[int, int] = (64, 48), form: str = "mp4"
) -> Path:
    """One frame at each of these seconds, the brighter the later (20 to 220), the second one of
    them and all after it no key frames."""
    with av.open(path, "w", format=form) as container:
        codec = "libvpx" if form == "webm" else "libx264"
        stream = container.add_stream(codec, rate=30, width=size[0], height=size[1])
        stream.codec_context.gop_size = 10_000
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, second in enumerate(seconds):
            shade = 20 + 200 * number // len(seconds)
            pixels = np.full((size[1], size[0], 3), shade, np.uint8)
            frame = VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(second * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def sprite(path: Path, out: Path) -> Pixels:
    """The sheet that an examination of the film leaves, as fields: (row, column, y, x, colour)."""
    found = inspect(path, out).sprite
    assert found is not None
    with av.open(found) as container:
        whole = next(container.decode(video=0)).to_ndarray(format="rgb24")
    height, width = whole.shape[0] // 10, whole.shape[1] // 10
    return whole.reshape(10, height, 10, width, 3).swapaxes(1, 2)


def shades(sheet: Pixels) -> list[float]:
    """How bright each of the 100 pictures is."""
    return [float(each) for each in sheet.reshape(100, -1).mean(axis=1)]


def test_each_hundredth_of_a_film_has_its_picture(tmp_path: Path) -> None:
    seen = shades(sprite(film(tmp_path / "v", [n / 10 for n in range(200)]), tmp_path / "out"))
    expected = [20 + 200 * (2 * place) // 200 for place in range(100)]
    assert seen == pytest.approx(expected, abs=4)


def test_a_picture_that_stands_for_long_is_shown_for_as_long(tmp_path: Path) -> None:
    """Recordings of screens bring a frame only when something changes."""
    seen = shades(sprite(film(tmp_path / "v", [0, 10, 19, 19.9], form="webm"), tmp_path / "out"))
    assert seen[:48] == pytest.approx([seen[0]] * 48, abs=3)
    assert seen[52:93] == pytest.approx([seen[52]] * 41, abs=3)
    assert seen[52] > seen[0] + 30 and seen[99] > seen[52] + 30


@pytest.mark.parametrize(
    ("size", "field"), [((64, 48), (48, 64)), ((640, 360), (90, 160)), ((180, 640), (160, 45))]
)
def test_pictures_fit_and_are_not_made_larger(
    size: tuple[int, int], field: tuple[int, int], tmp_path: Path
) -> None:
    sheet = sprite(film(tmp_path / "v", [n / 10 for n in range(20)], size), tmp_path / "out")
    assert sheet.shape[2:4] == field


def test_what_takes_too_long_leaves_no_sheet_and_nothing_else_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "v", [n / 10 for n in range(20)])
    monkeypatch.setattr(pictures, "WHOLE_PATIENCE", 0.0)
    pictures.write_sprite(path, tmp_path, 2000)
    assert not (tmp_path / "sprite.jpg").exists()


def test_a_film_that_is_slow_to_decode_gets_earlier_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "v", [n / 10 for n in range(200)])
    monkeypatch.setattr(pictures, "PATIENCE", 0.0)
    with open_media(path) as container:
        seen = [frame.time for frame in pictures.passing(container, 20_000)]
    assert len(set(seen)) < 4, "only key frames, of which such a film has few"


def test_a_film_cut_off_keeps_the_pictures_that_it_has(
    tmp_path: Path, media: Callable[..., Path]
) -> None:
    whole = media("practice-violin.webm").read_bytes()
    (tmp_path / "v").write_bytes(whole[: len(whole) // 2])
    seen = shades(sprite(tmp_path / "v", tmp_path / "out"))
    assert min(seen) > 20


def test_sound_has_no_sheet(tmp_path: Path, media: Callable[..., Path]) -> None:
    assert inspect(media("call-sales-0815.wav"), tmp_path / "out").sprite is None
