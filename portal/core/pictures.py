"""What a film looks like: one picture of it for lists, and a sheet of 100 for the seek bar."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import monotonic

import numpy as np
from av import VideoFrame
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from portal.core.frames import decoded, first, open_media

ACROSS = 10
"""Pictures side by side on a sheet, which has as many rows: one for each hundredth of the film."""
SIDE = 160  # pixels, of the longer side of each
NEAR = 2.0  # seconds that are quicker to decode than to jump over
PATIENCE = 0.1  # seconds of work for one picture: then an earlier one has to do
WHOLE_PATIENCE = 20.0  # seconds for the sheet: where jumps read the whole file, there is none


def write_thumbnail(media: Path, out: Path, duration_ms: int) -> None:
    """Write thumbnail.jpg, at most 480 px wide, or nothing if no frame can be decoded."""
    with open_media(media) as container:
        frame = first_telling(candidates(container, duration_ms))
        if frame is not None:
            save(upright(frame, 480, 1080), out / "thumbnail.jpg")


def save(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a JPEG of about quality 80, whole or not at all."""
    temporary = path.with_name("part.jpg")
    VideoFrame.from_ndarray(pixels, format="rgb24").save(temporary, qmin=4, qmax=4)
    temporary.replace(path)


def candidates(container: InputContainer, duration_ms: int) -> Iterator[VideoFrame]:
    """Some frames from 10 % on, then from further places, then from the start."""
    for share in (0.1, 0.3, 0.6, 0.0) if duration_ms else (0.0,):
        yield from islice(frames_from(container, duration_ms / 1000 * share), 0, 150, 30)


def frames_from(container: InputContainer, seconds: float) -> Iterator[VideoFrame]:
    """The frames from the last key frame before that second on."""
    with suppress(FFmpegError):  # no index, or a broken one: what comes next will do
        container.seek((container.start_time or 0) + int(seconds * 1e6))
    return decoded(container, first(container.streams.video))


def first_telling(frames: Iterable[VideoFrame]) -> VideoFrame | None:
    """The first frame that is not all one colour (black, mostly); failing that, the last."""
    frame = None
    for frame in frames:
        small = frame.reformat(width=64, height=36, format="gray").to_ndarray()
        if small.std() > 6:  # of 255; camera noise in the dark has 1 to 3
            break
    return frame


def upright(frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    """The frame's pixels, made to fit, turned the way the camera was held."""
    turns = round(frame.rotation / 90) % 4
    across, down = (height, width) if turns % 2 else (width, height)
    scale = min(1.0, across / frame.width, down / frame.height)
    size = {
        "width": max(2, round(frame.width * scale)),
        "height": max(2, round(frame.height * scale)),
    }
    small = frame.reformat(**size, format="rgb24", interpolation="AREA")
    return np.ascontiguousarray(np.rot90(np.asarray(small.to_ndarray(), np.uint8), turns))


def write_sprite(media: Path, out: Path, duration_ms: int) -> None:
    """Write sprite.jpg, the sheet of pictures, row by row from beginning to end; or nothing if no
    frame can be decoded or it takes too long."""
    with open_media(media) as container:
        pictures = [upright(frame, SIDE, SIDE) for frame in passing(container, duration_ms)]
    if len(pictures) == ACROSS**2:
        save(sheet(pictures), out / "sprite.jpg")


def sheet(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """All pictures as one, each in a field of the first one's size: a camera may be turned."""
    height, width, _ = pictures[0].shape
    fields = np.zeros((ACROSS, ACROSS, height, width, 3), np.uint8)
    for number, picture in enumerate(pictures):
        part = picture[:height, :width]
        fields[number // ACROSS, number % ACROSS, : part.shape[0], : part.shape[1]] = part
    return np.ascontiguousarray(fields.swapaxes(1, 2)).reshape(ACROSS * height, ACROSS * width, 3)


def passing(container: InputContainer, duration_ms: int) -> Iterator[VideoFrame]:
    """The frame that is seen at each hundredth of the film, or one shortly before it."""
    start, step = (container.start_time or 0) / 1e6, duration_ms / 1000 / ACROSS**2
    frames: Iterator[VideoFrame] = iter(())
    shown = ahead = None
    given_up = monotonic() + WHOLE_PATIENCE
    for number in range(ACROSS**2):
        if ahead is None or number * step - (seconds(ahead) - start) > NEAR:
            frames = frames_from(container, number * step)
            shown = ahead = next(frames, shown)
        until = monotonic() + PATIENCE
        while ahead and seconds(ahead) - start <= number * step and monotonic() < until:
            shown, ahead = ahead, next(frames, None)
        if shown is None or monotonic() > given_up:
            return
        yield shown


def seconds(frame: VideoFrame) -> float:
    """When the frame is shown, in the time of its file."""
    return frame.time or 0.0
