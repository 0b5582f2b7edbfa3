"""Somebody practising the violin in the evening: one bow stroke for each note of sound.violin.

Knows what to draw at which second. Everything but the bow and its arm is drawn once.
"""

from collections.abc import Iterator

import numpy as np

from portal.sample_media.canvas import (
    Canvas,
    Colour,
    Point,
    convex,
    digits,
    ellipse,
    gradient,
    line,
    rounded,
)
from portal.sample_media.sound import NOTE_SECONDS, strength

WIDTH, HEIGHT = 640, 360
SKIN: Colour = (232, 182, 148)
SHADE: Colour = (206, 150, 118)
HAIR: Colour = (58, 38, 40)
SHIRT: Colour = (44, 72, 96)
SLEEVE: Colour = (56, 90, 118)
WOOD: Colour = (176, 92, 40)
RIM: Colour = (112, 52, 26)
EBONY: Colour = (40, 28, 28)
PAPER: Colour = (248, 240, 224)
SHOULDER: Point = (268.0, 236.0)
BRIDGE: Point = (376.0, 206.0)  # where the bow meets the strings
UPPER, LOWER = 84.0, 88.0  # lengths of the two halves of the arm
BOW_TURN = 1.93  # radians, the direction from the tip of the bow to the hand
TRAVEL = 46.0  # pixels the bow moves to either side


def room() -> Canvas:
    """Wall, window, lamp light and music stand."""
    canvas = gradient(WIDTH, HEIGHT, (84, 62, 82), (44, 34, 58))
    ellipse(canvas, (120, 70), (250, 200), (250, 190, 120), 0, 0.34, 180)
    rounded(canvas, (478, 34, 118, 150), (28, 26, 48), 6)
    for column in range(2):
        for row in range(2):
            rounded(canvas, (486 + 53 * column, 42 + 69 * row, 49, 65), (52, 62, 104), 2)
    ellipse(canvas, (566, 72), (13, 13), (244, 236, 206))
    ellipse(canvas, (560, 68), (12, 12), (52, 62, 104))
    rounded(canvas, (0, 322, WIDTH, 60), (58, 38, 44), 0)
    lamp(canvas)
    stand(canvas)
    return canvas


def lamp(canvas: Canvas) -> None:
    """A standing lamp at the left."""
    line(canvas, (92, 130), (92, 330), 4, (60, 44, 48))
    ellipse(canvas, (92, 332), (26, 5), (60, 44, 48))
    ellipse(canvas, (92, 112), (60, 50), (255, 214, 140), 0, 0.5, 40)
    convex(canvas, [(70, 82), (114, 82), (132, 134), (52, 134)], (255, 222, 164))


def stand(canvas: Canvas) -> None:
    """A music stand with two pages at the right."""
    line(canvas, (520, 300), (520, 356), 4, EBONY)
    convex(canvas, [(452, 222), (588, 222), (600, 304), (440, 304)], (36, 30, 40))
    convex(canvas, [(462, 216), (518, 216), (518, 296), (454, 296)], PAPER)
    convex(canvas, [(522, 216), (578, 216), (586, 296), (522, 296)], PAPER)
    for row in range(5):
        for left, right in ((466, 510), (530, 574)):
            y = 230 + 14 * row
            line(canvas, (left, y), (right, y), 1, (190, 178, 160))
            for spot in range(4):
                ellipse(canvas, (left + 4 + 12 * spot, y - 2 + spot * row % 3), (2.4, 2), EBONY)


def player(canvas: Canvas) -> None:
    """Body, head and the arm that holds the violin."""
    ellipse(canvas, (318, 352), (92, 132), SHIRT)
    rounded(canvas, (302, 176, 34, 54), SHADE, 14)
    ellipse(canvas, (312, 128), (46, 56), HAIR)
    ellipse(canvas, (324, 142), (39, 48), SKIN, -0.1)
    ellipse(canvas, (308, 104), (44, 26), HAIR, -0.35)
    ellipse(canvas, (290, 142), (8, 12), SHADE)
    for x in (326, 350):
        line(canvas, (x - 5, 143), (x + 5, 144), 2.6, HAIR)
        line(canvas, (x - 7, 131), (x + 6, 129), 2.4, HAIR)
    line(canvas, (341, 148), (345, 158), 2.4, SHADE)
    line(canvas, (332, 170), (346, 169), 2.6, (176, 96, 88))
    line(canvas, (376, 268), (446, 282), 34, SLEEVE)
    line(canvas, (446, 282), (470, 222), 28, SLEEVE)


def violin(canvas: Canvas) -> None:
    """The instrument, from the chin to the scroll."""
    turned = 0.06
    for grow, colour in ((2.5, RIM), (0.0, WOOD)):
        ellipse(canvas, (344, 204), (32 + grow, 27 + grow), colour, turned)
        ellipse(canvas, (392, 207), (28 + grow, 22 + grow), colour, turned)
        ellipse(canvas, (368, 205), (22 + grow, 15 + grow), colour, turned)
    line(canvas, (366, 205), (486, 212), 7, EBONY)
    ellipse(canvas, (492, 211), (8, 7), RIM)
    line(canvas, (324, 203), (352, 204), 8, EBONY)
    for y in (-2.4, 0.0, 2.4):
        line(canvas, (340, 204 + y), (486, 211 + y * 0.7), 0.8, (226, 216, 196))
    for y in (191, 219):
        line(canvas, (368, y), (382, y + 1), 2, EBONY)
    line(canvas, (376, 197), (376, 215), 3, (236, 206, 150))
    ellipse(canvas, (468, 216), (13, 12), SKIN)
    for x in (459, 467, 475):
        line(canvas, (x, 205), (x, 213), 6, SKIN)


def bow(canvas: Canvas, second: float) -> None:
    """The bow at that second, with the hand and the arm that lead it."""
    stroke, share = divmod(second / NOTE_SECONDS, 1)
    if not strength(int(stroke)):
        share = 0.0
    swing = -np.cos(np.pi * share) * (1 if stroke % 2 else -1) * TRAVEL
    along, reach = (np.cos(BOW_TURN), np.sin(BOW_TURN)), 92 + swing
    hand = (BRIDGE[0] + along[0] * reach, BRIDGE[1] + along[1] * reach)
    tip = (hand[0] - along[0] * 206, hand[1] - along[1] * 206)
    line(canvas, tip, hand, 3.4, RIM)
    line(canvas, (tip[0] + 4, tip[1] + 3), (hand[0] + 5, hand[1] - 4), 1.2, PAPER)
    joint = elbow(SHOULDER, hand)
    line(canvas, SHOULDER, joint, 36, SLEEVE)
    line(canvas, joint, hand, 28, SLEEVE)
    ellipse(canvas, hand, (15, 13), SKIN, 0.5)


def elbow(shoulder: Point, hand: Point) -> Point:
    """Where the arm bends to reach the hand; the elbow points to the left and down."""
    dx, dy = hand[0] - shoulder[0], hand[1] - shoulder[1]
    span = min(float(np.hypot(dx, dy)), UPPER + LOWER - 1)
    angle = np.arctan2(dy, dx) + np.arccos((UPPER**2 + span**2 - LOWER**2) / (2 * UPPER * span))
    return shoulder[0] + UPPER * float(np.cos(angle)), shoulder[1] + UPPER * float(np.sin(angle))


def practice(seconds: float, frame_rate: int) -> Iterator[Canvas]:
    """The practice as frames of WIDTH x HEIGHT."""
    still = room()
    player(still)
    violin(still)
    for number in range(round(seconds * frame_rate)):
        if number % frame_rate == 0:
            timed = with_clock(still, number // frame_rate)
        canvas = timed.copy()
        bow(canvas, number / frame_rate)
        yield canvas


def with_clock(still: Canvas, second: int) -> Canvas:
    """The picture with the time since its start, so that one sees where one has jumped to."""
    canvas = still.copy()
    digits(canvas, (24, 24), f"{second // 60 % 100:02d}:{second % 60:02d}", 15, PAPER)
    return canvas
