"""Real media made from nothing, for the demonstration and for tests: no network, no files needed.

Knows which samples there are; how they sound, look and are encoded is in the modules beside.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.sample_media.canvas import Canvas
from portal.sample_media.desktop import session
from portal.sample_media.encode import Form, write_media
from portal.sample_media.sound import Block, conversation, violin
from portal.sample_media.violinist import practice


def no_pictures(seconds: float, frame_rate: int) -> Iterator[Canvas]:
    """For recordings of sound only."""
    return iter(())


@dataclass(frozen=True)
class Sample:
    """What is heard (with which seed), what is seen, and how it is encoded."""

    form: Form
    seed: int
    sound: Callable[[float, int, int, int], Iterator[Block]] = conversation
    pictures: Callable[[float, int], Iterator[Canvas]] = no_pictures


H264 = {"preset": "ultrafast", "crf": "24", "profile": "baseline"}
# A negative speed is a fixed one; a positive one makes libvpx as slow as the machine allows.
VP8 = {"deadline": "realtime", "cpu-used": "-12", "crf": "12", "b": "900k", "lag-in-frames": "0"}
SAMPLES = {
    "rdp-finance-server-2026.mp4": Sample(
        Form("mp4", "aac", 24000, 1, 64000, "libx264", 10, H264), 11, conversation, session
    ),
    "practice-violin.webm": Sample(
        Form("webm", "libopus", 48000, 1, 64000, "libvpx", 12, VP8), 12, violin, practice
    ),
    "call-support-4711.aac": Sample(Form("adts", "aac", 16000, 1, 32000), 13),
    "call-sales-0815.wav": Sample(Form("wav", "pcm_s16le", 8000, 1, 128000), 14),
    "call-claims-2207.ogg": Sample(Form("ogg", "libopus", 16000, 1, 24000), 15),
    "call-hotline-3141.mp3": Sample(Form("mp3", "libmp3lame", 16000, 1, 32000), 16),
    "interview-room-2.m4a": Sample(Form("ipod", "aac", 24000, 2, 64000), 17),
}


def make_samples(
    folder: Path, seconds: int = 240, only: Collection[str] | None = None
) -> Iterator[Path]:
    """Write all samples (or those named in `only`) into the folder; yields each when finished."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SAMPLES:
        if only is None or name in only:
            yield make_sample(name, folder / name, seconds)


def make_sample(name: str, path: Path, seconds: int) -> Path:
    """Write the sample of that name (KeyError if there is none), that many seconds long, to path.

    The same name and length give the same sounds and pictures each time.
    """
    sample = SAMPLES[name]
    form = sample.form
    sound = sample.sound(seconds, form.rate, form.channels, sample.seed)
    return write_media(path, form, sound, sample.pictures(seconds, form.frame_rate))
