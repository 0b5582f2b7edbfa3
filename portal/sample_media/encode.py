"""Turns sounds and pictures into a media file. Knows PyAV; knows nothing of what is shown."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import cast

import av
import numpy as np
from av import AudioFrame, AudioStream, Packet, VideoFrame, VideoStream
from av.container import OutputContainer
from av.stream import Stream

from portal.sample_media.canvas import Canvas
from portal.sample_media.sound import Block

Step = tuple[float, list["Packet[Stream]"]]  # seconds reached, and what was encoded on the way


@dataclass(frozen=True)
class Form:
    """How a file is encoded; `container` and codecs are FFmpeg's names, rates are in Hz."""

    container: str
    audio: str
    rate: int
    channels: int
    bit_rate: int
    video: str | None = None
    frame_rate: int = 10
    video_options: dict[str, str] = field(default_factory=dict)


def write_media(path: Path, form: Form, sound: Iterator[Block], frames: Iterator[Canvas]) -> Path:
    """Encode everything the iterators yield; frames are ignored where the form has no video."""
    options = {"movflags": "faststart"} if form.container in ("mp4", "ipod") else {}
    with av.open(path, "w", format=form.container, options=options) as container:
        steps = [sound_steps(container, form, sound)]
        if form.video:
            steps.insert(0, picture_steps(container, form, frames))
        for _, packets in merge(*steps, key=lambda step: step[0]):
            container.mux(packets)
    return path


def sound_steps(container: OutputContainer, form: Form, sound: Iterator[Block]) -> Iterator[Step]:
    """Encode block after block."""
    layout = "stereo" if form.channels == 2 else "mono"
    stream = cast(AudioStream, container.add_stream(form.audio, rate=form.rate, layout=layout))
    stream.bit_rate = form.bit_rate
    if form.audio == "aac":
        stream.options = {"aac_coder": "fast"}  # twice as fast as the default
    done = 0
    for block in sound:
        whole = np.ascontiguousarray((block * 32767).astype(np.int16).T.reshape(1, -1))
        frame = AudioFrame.from_ndarray(whole, format="s16", layout=layout)
        frame.sample_rate, frame.pts = form.rate, done
        frame.time_base = Fraction(1, form.rate)
        done += block.shape[1]
        yield done / form.rate, stream.encode(frame)
    yield done / form.rate, stream.encode(None)


def picture_steps(
    container: OutputContainer, form: Form, frames: Iterator[Canvas]
) -> Iterator[Step]:
    """Encode picture after picture; a viewer can seek to every third second."""
    stream = cast(VideoStream, container.add_stream(form.video or "", rate=form.frame_rate))
    stream.options, stream.pix_fmt = dict(form.video_options), "yuv420p"
    stream.gop_size = 3 * form.frame_rate
    number = 0
    for number, canvas in enumerate(frames):
        frame = VideoFrame.from_ndarray(canvas, format="rgb24")
        if number == 0:
            stream.height, stream.width = canvas.shape[:2]
        yield number / form.frame_rate, stream.encode(frame)
    yield number / form.frame_rate, stream.encode(None)
