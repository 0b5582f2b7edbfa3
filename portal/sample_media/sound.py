"""Sounds made from nothing: two people talking, and a violin playing scales.

Knows waveforms only. All functions yield float32 blocks of shape (channels, samples) within
-1 to 1, a few seconds each, `seconds` long together.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]
TABLE = 2048  # samples of one period
VOICES = (112.0, 196.0)  # Hz, a low and a high speaker
VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (530, 1840, 2480),
    (570, 840, 2410),
    (300, 870, 2240),
)
PANS = {1: np.ones((2, 1), np.float32), 2: np.array([[0.9, 0.35], [0.35, 0.9]], np.float32)}
ODE = (
    4,
    4,
    5,
    7,
    7,
    5,
    4,
    2,
    0,
    0,
    2,
    4,
    4,
    2,
    2,
    -5,
    4,
    4,
    5,
    7,
    7,
    5,
    4,
    2,
    0,
    0,
    2,
    4,
    2,
    0,
    0,
    -5,
)
NOTE_SECONDS = 0.5
LOWEST_NOTE = 392.0  # Hz; the ODE counts half-tones from here
STRING = tuple((k, 1 / k**1.2 * (1.6 if k in (2, 3, 5) else 1)) for k in range(1, 15))


def period(harmonics: tuple[tuple[int, float], ...]) -> Block:
    """One period of a sound made of (number, strength) harmonics, shape (TABLE,)."""
    turn = np.arange(TABLE) * (2 * np.pi / TABLE)
    wave = np.sum([strength * np.sin(k * turn + k * k) for k, strength in harmonics], axis=0)
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def vowel(pitch: float, formants: tuple[int, ...], rate: int) -> Block:
    """One period of a vowel: the harmonics near its formants are strong."""
    numbers = [k for k in range(1, 24) if k * pitch * 1.3 < rate / 2]
    near = [sum(np.exp(-(((k * pitch - f) / 180) ** 2)) for f in formants) for k in numbers]
    return period(tuple((k, 0.35 / k + gain) for k, gain in zip(numbers, near, strict=True)))


def conversation(seconds: float, rate: int, channels: int = 1, seed: int = 1) -> Iterator[Block]:
    """Two voices in turn, with syllables, short breaths and longer pauses."""
    rng = np.random.default_rng(seed)
    tables = [np.stack([vowel(pitch, v, rate) for v in VOWELS]) for pitch in VOICES]
    left, speaker = round(seconds * rate), 0
    while left > 0:
        spoken = turn(rng, tables[speaker], VOICES[speaker], rate)[:left]
        yield PANS[channels][speaker][:, None] * spoken
        left -= len(spoken)
        speaker = 1 - speaker if rng.random() < 0.7 else speaker


def turn(rng: np.random.Generator, tables: Block, pitch: float, rate: int) -> Block:
    """One to three phrases of one speaker with the silence after them, shape (samples,)."""
    phrases = [phrase(rng, tables, pitch, rate) for _ in range(rng.integers(1, 4))]
    silence = np.zeros(int(min(5, 0.2 + rng.exponential(0.9)) * rate), np.float32)
    return np.concatenate([*phrases, silence]) * np.float32(rng.uniform(0.35, 0.95))


def phrase(rng: np.random.Generator, tables: Block, pitch: float, rate: int) -> Block:
    """Some syllables in one breath: each has its vowel, loudness and melody, shape (samples,)."""
    lengths = (rng.uniform(0.11, 0.26, rng.integers(4, 14)) * rate).astype(int)
    count, total = len(lengths), int(lengths.sum())
    position = np.concatenate([np.linspace(0, 1, n, dtype=np.float32) for n in lengths])
    melody = pitch * (1.12 - 0.22 * np.linspace(0, 1, count)) * rng.uniform(0.92, 1.1, count)
    hertz = np.interp(np.arange(total), np.cumsum(lengths) - lengths / 2, melody)
    step = (np.cumsum(hertz / rate) % 1 * TABLE).astype(np.int32)
    voiced = tables[np.repeat(rng.integers(0, len(tables), count), lengths), step]
    fading = rng.uniform(0.35, 1, count) * np.linspace(1, 0.5, count)
    loud = np.repeat(fading, lengths) * (4 * position * (1 - position)) ** 0.6
    hiss = rng.normal(0, 0.12, total) * np.exp(-position * 14)
    breath = np.zeros(int(rng.uniform(0.1, 0.35) * rate))
    return np.concatenate([(voiced * loud + hiss) * 0.8, breath]).astype(np.float32).clip(-1, 1)


def violin(seconds: float, rate: int, channels: int = 1, seed: int = 1) -> Iterator[Block]:
    """A practised tune, one bow stroke of NOTE_SECONDS a note."""
    rng, table = np.random.default_rng(seed), period(STRING)
    left, number = round(seconds * rate), 0
    while left > 0:
        played = note(rng, table, ODE[number % (len(ODE) + 4) % len(ODE)], rate)[:left] * strength(
            number
        )
        yield np.repeat(played[None, :], channels, axis=0)
        left, number = left - len(played), number + 1


def strength(number: int) -> np.float32:
    """How loud a note is: each line of eight swells, and four beats are silent after each tune."""
    place = number % (len(ODE) + 4)
    if place >= len(ODE):
        return np.float32(0)
    return np.float32(0.3 + 0.7 * np.sin(np.pi * (place % 8 + 0.5) / 8) * (0.6 + place / 80))


def note(rng: np.random.Generator, table: Block, half_tones: int, rate: int) -> Block:
    """One stroke with a soft start, vibrato and a little noise of the bow, shape (samples,)."""
    time = np.arange(round(NOTE_SECONDS * rate)) / rate
    hertz = LOWEST_NOTE * 2 ** (half_tones / 12) * (1 + 0.006 * np.sin(time * 2 * np.pi * 5.8))
    tone = table[(np.cumsum(hertz / rate) % 1 * TABLE).astype(np.int32)]
    loud = np.minimum(1, time / 0.07) * np.minimum(1, (NOTE_SECONDS - time) / 0.09)
    swell = 0.75 + 0.25 * np.sin(np.pi * time / NOTE_SECONDS)
    noise = rng.normal(0, 0.012, len(time))
    return np.asarray((tone + noise) * loud * swell * rng.uniform(0.7, 0.9), np.float32)
