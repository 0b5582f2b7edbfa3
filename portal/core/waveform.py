"""The shape of a recording's sound: its loudness from beginning to end, in 1,000 numbers."""

from typing import Any

import numpy as np
from av import AudioFrame
from numpy.typing import NDArray

POINTS = 1000
FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}  # floats: 1
Amplitudes = NDArray[np.float32]


def loudness(frame: AudioFrame) -> Amplitudes:
    """The largest amplitude, 0 to 1, in any channel of each 64 samples."""
    raw: NDArray[Any] = frame.to_ndarray()  # (channels, samples) or (1, samples x channels)
    starts = np.arange(0, raw.shape[1], 64 * raw.shape[1] // frame.samples)
    high = np.maximum.reduceat(raw, starts, axis=1).max(axis=0)
    low = np.minimum.reduceat(raw, starts, axis=1).min(axis=0)
    middle = np.float32(128 if raw.dtype == np.uint8 else 0)
    farthest: Amplitudes = np.maximum(high - middle, middle - low)
    return farthest / np.float32(FULL_SCALE.get(raw.dtype.str[1:], 1.0))


class Envelope:
    """Joins values in pairs whenever there are too many, so that memory stays constant."""

    def __init__(self) -> None:
        self.joined = 1  # values in a block
        self.blocks: Amplitudes = np.zeros(0, np.float32)
        self.waiting: list[Amplitudes] = [self.blocks]

    def add(self, values: Amplitudes) -> None:
        """Take the next values."""
        self.waiting.append(values)
        if len(self.waiting) >= 64:  # a frame brings about 16
            self.settle()

    def settle(self) -> None:
        """Move the waiting values into blocks; those that fill no block wait on."""
        values = np.concatenate(self.waiting)
        cut = len(values) - len(values) % self.joined
        self.waiting = [values[cut:]]
        self.blocks = np.append(self.blocks, values[:cut].reshape(-1, self.joined).max(axis=1))
        while len(self.blocks) > 16 * POINTS:
            pairs = np.pad(self.blocks, (0, len(self.blocks) % 2)).reshape(-1, 2)
            self.blocks, self.joined = pairs.max(axis=1), self.joined * 2

    def points(self) -> list[int]:
        """At most POINTS numbers of 0 to 100 over everything added."""
        self.settle()
        starts = np.linspace(0, len(self.blocks), min(POINTS, len(self.blocks)), endpoint=False)
        peaks = np.maximum.reduceat(self.blocks, starts.astype(int)) if len(starts) else starts
        return [round(100 * float(peak)) for peak in np.nan_to_num(peaks).clip(0, 1)]
