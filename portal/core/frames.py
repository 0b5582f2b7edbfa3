"""A media file opened safely, and the frames in it.

Runs in the confined process of portal.core.probe, and trusts no byte of what it reads.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import av
from av import AudioStream, Packet, VideoStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Disposition, Stream

# The only demuxers that may see the file, and no way to reach anything but that file: without
# these FFmpeg follows the addresses in a playlist.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,aac,wav,ogg,flac,amr,avi,mpegts,mpeg"
SAFE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
STILL = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails

Playable = TypeVar("Playable", AudioStream, VideoStream)


def open_media(media: Path) -> InputContainer:
    """Open with safe demuxers only; FFmpegError if none of them takes the file."""
    return av.open(str(media.absolute()), options=SAFE, metadata_errors="replace")


def first(streams: Iterable[Playable]) -> Playable | None:
    """The first stream that can be decoded and is no cover picture."""
    return next((s for s in streams if s.codec_context and not s.disposition & STILL), None)


def packets(container: InputContainer, *streams: Stream) -> Iterator["Packet[Stream]"]:
    """Packets of the streams (of all if none is named) up to the end or to hopeless damage."""
    try:
        yield from container.demux(*streams)
    except FFmpegError:
        return  # a recording that breaks off is common: what came before it is kept


def decoded(container: InputContainer, stream: AudioStream | VideoStream | None) -> Iterator[Any]:
    """Frames of one stream; damaged packets are left out. Frames of nothing for None."""
    if stream is None:
        return
    if not stream.codec_context.is_open:
        stream.codec_context.thread_count = 2  # each costs address space
    for other in container.streams:  # in MP4 and MOV the bytes of the others are not even read
        other.discard = Discard.default if other is stream else Discard.all
    for packet in packets(container, stream):
        try:
            frames = packet.decode()
        except FFmpegError:
            continue
        yield from frames
