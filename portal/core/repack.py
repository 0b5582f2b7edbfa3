"""Raw AAC in a container with an index, so that browsers can seek in it.

A raw stream has no time stamps: Chromium guesses its length from the bit rate of the beginning
(222.97 s for 240.06 s) and lands beside the place one clicked on. The packets stay as they are.
"""

from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError


def write_playback(container: InputContainer, target: Path) -> None:
    """Copy the sound into `target` as MPEG-4; nothing is left there if it cannot be done.

    The file-size limit of the process applies: very long recordings are played as they came.
    """
    temporary = target.with_suffix(".part")
    with suppress(FFmpegError, OSError, ValueError):
        _copy(container, temporary)
        temporary.replace(target)
    temporary.unlink(missing_ok=True)


def _copy(container: InputContainer, temporary: Path) -> None:
    sound = container.streams.audio[0]
    options = {"movflags": "faststart"}
    with av.open(str(temporary), "w", format="mp4", options=options) as output:
        copy = output.add_stream_from_template(sound)
        for packet in container.demux(sound):
            if packet.dts is not None:  # the last one is empty and only says that it is the last
                packet.stream = copy
                output.mux_one(packet)
