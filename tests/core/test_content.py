"""What portal.core.content says of real media, of everything else, and of hostile files."""

import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av import AudioFrame, AudioStream, VideoFrame
from av.error import FFmpegError
from av.stream import Disposition
from numpy.typing import NDArray

from portal.core import content, frames, waveform
from portal.core.content import Findings, inspect
from portal.sample_media import SAMPLES, make_samples

Pixels = NDArray[np.uint8]
SECONDS = 4
EXPECTED = {
    "rdp-finance-server-2026.mp4": ("video", "video/mp4", "mp4", "h264, aac"),
    "practice-violin.webm": ("video", "video/webm", "webm", "vp8, opus"),
    "call-support-4711.aac": ("audio", "audio/aac", "aac", "aac"),
    "call-sales-0815.wav": ("audio", "audio/wav", "wav", "pcm_s16le"),
    "call-claims-2207.ogg": ("audio", "audio/ogg", "ogg", "opus"),
    "call-hotline-3141.mp3": ("audio", "audio/mpeg", "mp3", "mp3"),
    "interview-room-2.m4a": ("audio", "audio/mp4", "mp4", "aac"),
}
DESKTOP, VIOLIN, CALL, SONG = (list(EXPECTED)[place] for place in (0, 1, 3, 5))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every sample, made once."""
    folder = tmp_path_factory.mktemp("samples")
    made = list(make_samples(folder, SECONDS))
    assert {path.name for path in made} == set(SAMPLES) == set(EXPECTED)
    return folder


def stored(tmp_path: Path, raw: bytes) -> Path:
    """The bytes as the portal keeps them: under a name that says nothing."""
    path = tmp_path / "0197f3c0"
    path.write_bytes(raw)
    return path


def found(path: Path, tmp_path: Path) -> Findings:
    return inspect(path, tmp_path / "out")


def refusal(tmp_path: Path, raw: bytes) -> str:
    """The sentence that the bytes are refused with, nothing else being found."""
    findings = found(stored(tmp_path, raw), tmp_path)
    assert findings.facts is None and findings.thumbnail is None and findings.peaks is None
    assert findings.refusal is not None and findings.refusal.endswith("recordings are accepted.")
    return findings.refusal


def points(findings: Findings) -> list[int]:
    assert findings.peaks is not None
    return list(json.loads(findings.peaks.read_text())["points"])


def picture(path: Path | None) -> Pixels:
    assert path is not None and path.read_bytes().startswith(b"\xff\xd8\xff")
    with av.open(path) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)


@pytest.mark.parametrize("name", EXPECTED)
def test_content_alone_tells_what_it_is(name: str, samples: Path, tmp_path: Path) -> None:
    findings = found(stored(tmp_path, (samples / name).read_bytes()), tmp_path)
    facts = findings.facts
    assert facts is not None and findings.refusal is None and findings.peaks is not None
    assert (facts.kind, facts.content_type, facts.container, facts.codecs) == EXPECTED[name]
    assert facts.channels == SAMPLES[name].form.channels
    covered = json.loads(findings.peaks.read_text())["duration_ms"]
    assert [facts.duration_ms, covered] == pytest.approx([SECONDS * 1000] * 2, abs=200)
    assert 499 < len(points(findings)) <= 1000
    assert min(points(findings)) >= 0 and 20 < max(points(findings)) <= 100
    if facts.kind == "video":
        assert picture(findings.thumbnail).shape == (270, 480, 3)
        assert picture(findings.thumbnail).std() > 20
    else:
        assert findings.thumbnail is None and facts.width is None


def remuxed(source: Path, target: Path, form: str, rotation: int = 0, kind: str = "") -> Path:
    """The same streams in another container: turned by degrees, or only those of one kind."""
    with av.open(source) as reader, av.open(target, "w", format=form) as writer:
        wanted = [stream for stream in reader.streams if kind in ("", stream.type)]
        streams = {stream.index: writer.add_stream_from_template(stream) for stream in wanted}
        if rotation:
            writer.streams.video[0].set_display_rotation(rotation)
        for packet in reader.demux():
            if packet.dts is not None and packet.stream.index in streams:
                packet.stream = streams[packet.stream.index]
                writer.mux(packet)
    return target


@pytest.mark.parametrize(
    ("name", "form", "kind", "content_type"),
    [
        (DESKTOP, "mov", "", "video/quicktime"),
        (DESKTOP, "mpegts", "", "video/mp2t"),
        (DESKTOP, "matroska", "", "video/x-matroska"),
        (DESKTOP, "mp4", "audio", "audio/mp4"),
        (VIOLIN, "matroska", "", "video/x-matroska"),
        (VIOLIN, "webm", "audio", "audio/webm"),
    ],
)
def test_content_types_come_from_container_and_codecs(
    name: str, form: str, kind: str, content_type: str, samples: Path, tmp_path: Path
) -> None:
    facts = found(remuxed(samples / name, tmp_path / "r", form, kind=kind), tmp_path).facts
    assert facts is not None and facts.content_type == content_type
    assert facts.duration_ms == pytest.approx(SECONDS * 1000, abs=200)


def test_a_video_held_upright_is_shown_upright(samples: Path, tmp_path: Path) -> None:
    turned = remuxed(samples / DESKTOP, tmp_path / "turned", "mp4", rotation=90)
    shown = picture(found(turned, tmp_path).thumbnail)
    assert shown.shape == (853, 480, 3)
    # The dark task bar at the bottom is at the right after a quarter turn to the left.
    assert shown[:, -15:].mean() < shown[:, :15].mean()


def test_a_black_beginning_is_not_the_thumbnail(tmp_path: Path) -> None:
    with av.open(tmp_path / "v", "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10, width=160, height=120)
        bright = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
        for pixels in [np.zeros_like(bright)] * 60 + [bright] * 30:
            container.mux(stream.encode(VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    findings = found(tmp_path / "v", tmp_path)
    assert picture(findings.thumbnail).std() > 20
    assert findings.facts and findings.facts.channels is None and findings.peaks is None


def test_a_cover_picture_makes_no_video(samples: Path, tmp_path: Path) -> None:
    with av.open(samples / SONG) as reader, av.open(tmp_path / "s", "w", format="mp3") as writer:
        sound = writer.add_stream_from_template(reader.streams.audio[0])
        cover = writer.add_stream("mjpeg", rate=1, width=160, height=120, pix_fmt="yuvj420p")
        cover.disposition = Disposition.attached_pic
        writer.mux(cover.encode(VideoFrame(160, 120, "yuvj420p")))
        for packet in reader.demux():
            if packet.dts is not None:
                packet.stream = sound
                writer.mux(packet)
    findings = found(tmp_path / "s", tmp_path)
    assert findings.facts is not None and findings.thumbnail is None
    assert (findings.facts.kind, findings.facts.codecs) == ("audio", "mp3")


def tones(path: Path, form: str, codec: str, strengths: dict[int, float]) -> Path:
    """One second of tone from each given second on, with the given strength (0 to 1)."""
    wave = np.sin(np.arange(8000) * (2 * np.pi * 440 / 8000)) * 32767
    with av.open(path, "w", format=form) as container:
        stream = cast(AudioStream, container.add_stream(codec, rate=8000, layout="mono"))
        for second, strength in strengths.items():
            block = (wave * strength).astype(np.int16)[None, :]
            frame = AudioFrame.from_ndarray(block, "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 8000, second * 8000, Fraction(1, 8000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def quarters(findings: Findings) -> list[float]:
    return [float(np.median(part)) for part in np.array_split(points(findings), 4)]


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le"])
def test_peaks_mean_the_same_in_every_sample_format(codec: str, tmp_path: Path) -> None:
    path = tones(tmp_path / "call", "wav", codec, {0: 0, 1: 0.25, 2: 0.5, 3: 1})
    assert quarters(found(path, tmp_path)) == pytest.approx([0, 25, 50, 100], abs=4)


def test_a_pause_that_was_not_recorded_is_silence_in_the_peaks(tmp_path: Path) -> None:
    path = tones(tmp_path / "call", "matroska", "pcm_s16le", {0: 0.5, 3: 0.5})
    assert quarters(found(path, tmp_path)) == pytest.approx([50, 0, 0, 50], abs=4)


def test_peaks_of_a_very_long_recording_need_little_memory() -> None:
    envelope = waveform.Envelope()
    for _ in range(20_000):
        envelope.add(np.full(100, 0.25, np.float32))
    envelope.add(np.ones(4000, np.float32))
    values = envelope.points()
    assert len(envelope.blocks) <= 16_000 and len(values) == 1000
    assert values[:990] == [25] * 990 and values[-1] == 100


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "empty"),
        (b"Dear auditor,\nplease find enclosed\n" * 50, "text"),
        (b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>", "text/html"),
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0" + bytes(60),
            "image/png",
        ),
        (b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n", "application/pdf"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1" + bytes(300), "image/avif"),
        (b"PK\x03\x04\x14\0\0\0\0\0" + bytes(300), "document"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\nm=audio 5004 RTP/AVP 0\n", "text"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "text"),
        (bytes(100_000), "no known recording format"),
        (random.Random(2).randbytes(300_000), "no known recording format"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "damaged"),
    ],
)
def test_other_content_is_refused_in_a_sentence(raw: bytes, word: str, tmp_path: Path) -> None:
    assert word in refusal(tmp_path, raw)


def test_a_playlist_makes_nobody_call_the_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/segment.ts"
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n"
        assert "mpegurl" in refusal(tmp_path, playlist.encode())
        with pytest.raises(FFmpegError):  # the second wall, if the first took it for media
            frames.open_media(tmp_path / "0197f3c0")
        assert select.select([listener], [], [], 0.2)[0] == []
        bait = {"extension_picky": "0", "protocol_whitelist": "file,http,tcp"}
        with pytest.raises(FFmpegError):  # the trap works: FFmpeg without walls walks into it
            av.open(tmp_path / "0197f3c0", format="hls", options=bait, timeout=0.5)
        assert select.select([listener], [], [], 0.2)[0] == [listener]


def test_a_video_cut_off_keeps_what_is_known(samples: Path, tmp_path: Path) -> None:
    whole = (samples / DESKTOP).read_bytes()
    assert "damaged" in refusal(tmp_path, whole[:2000])
    findings = found(stored(tmp_path, whole[: len(whole) // 2]), tmp_path)
    assert findings.facts is not None and findings.facts.width == 960
    assert findings.thumbnail is not None and findings.peaks is not None


@pytest.mark.parametrize("name", EXPECTED)
def test_damage_leaves_what_is_known(name: str, samples: Path, tmp_path: Path) -> None:
    whole = bytearray((samples / name).read_bytes())
    middle, length = len(whole) // 2, len(whole) // 10
    whole[middle : middle + length] = random.Random(1).randbytes(length)
    findings = found(stored(tmp_path, bytes(whole)), tmp_path)
    assert findings.facts is not None and findings.facts.kind == EXPECTED[name][0]
    assert len(points(findings)) > 400


def test_a_failure_finds_nothing_not_even_old(samples: Path, tmp_path: Path) -> None:
    assert found(samples / DESKTOP, tmp_path).thumbnail is not None
    findings = inspect(samples / DESKTOP, tmp_path / "out", seconds=0.01)
    sentence = "The content could not be examined: "
    too_long = f"{sentence}it took longer than 0.01 seconds."
    assert findings == Findings(refusal=too_long, conclusive=False)
    crashed = f"{sentence}the examination failed with code 1."
    assert found(tmp_path / "no such file", tmp_path).refusal == crashed


def test_facts_outlive_an_examination_that_takes_too_long(tmp_path: Path) -> None:
    size = 3 * 2**30
    form = struct.pack("<IHHIIHH", 16, 1, 2, 48000, 192000, 4, 16)
    header = b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + form + b"data"
    path = stored(tmp_path, header + struct.pack("<I", size))
    os.truncate(path, size)  # sparse: four and a half hours of silence in one disk block
    findings = inspect(path, tmp_path / "out", seconds=2.5)
    assert findings.facts is not None and findings.facts.content_type == "audio/wav"
    assert findings.peaks is None and findings.refusal is None


def test_the_limits_hold() -> None:
    code = "from portal.core import content; content.limit_this_process(); bytearray(5 * 2**30)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert run.returncode == 1 and run.stderr.strip().endswith(b"MemoryError")


def test_no_secret_reaches_the_examination(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SECRET_KEY", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    assert "hunter2" not in content.bare_environment().values()


@pytest.mark.parametrize("answer", ["no JSON", "[]", "{}", '{"refused": "two\\nlines"}'])
def test_a_dishonest_answer_is_not_believed(answer: str, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(answer)
    with pytest.raises(ValueError, match=r"."):
        content.read_answer(tmp_path / "facts.json")
    with pytest.raises(ValueError, match="content type"):
        content.Facts("audio", "text/html", "mp3", "mp3", 1, None, None, 1, 8000)
