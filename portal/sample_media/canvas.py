"""Smooth shapes on small RGB pictures: rounded boxes, thick lines, ellipses, clock digits.

Knows pixels only. A canvas is a uint8 array of shape (height, width, 3); shapes are blended into
it in place, and what lies outside is cut off.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.uint8]
Field = NDArray[np.floating[Any]]
Colour = tuple[int, int, int]
Point = tuple[float, float]

# Lit segments of the digits 0 to 9, in the order: top, top left, top right, middle, bottom left,
# bottom right, bottom.
SEGMENTS = "1110111 0010010 1011101 1011011 0111010 1101011 1101111 1010010 1111111 1111011"
DIGITS = SEGMENTS.split()


def gradient(width: int, height: int, corner: Colour, opposite: Colour) -> Canvas:
    """A canvas that runs from one colour (top left) to another (bottom right)."""
    across = np.linspace(0, 0.5, width)[None, :, None]
    share = across + np.linspace(0, 0.5, height)[:, None, None]
    mixed = np.array(corner) * (1 - share) + np.array(opposite) * share
    noise = np.random.default_rng(1).random((height, width, 1))  # against visible bands
    return (mixed + noise).clip(0, 255).astype(np.uint8)


def shape(
    canvas: Canvas,
    box: tuple[float, float, float, float],
    colour: Colour,
    distance: Callable[[Field, Field], Field],
    opacity: float = 1,
    soft: float = 1,
) -> None:
    """Blend in the points of box (left, top, right, bottom) whose distance is negative.

    `distance` gets x and y of pixel centres; edges fade over `soft` pixels.
    """
    left, top = max(0, int(box[0] - soft)), max(0, int(box[1] - soft))
    part = canvas[top : max(0, int(box[3] + soft + 1)), left : max(0, int(box[2] + soft + 1))]
    if not part.size:
        return
    x = np.arange(left, left + part.shape[1], dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    cover = (0.5 - distance(x, y) / soft).clip(0, 1)[..., None] * opacity
    part[:] = part + (np.array(colour, np.float32) - part) * cover + 0.5


def rounded(
    canvas: Canvas,
    box: tuple[float, float, float, float],
    colour: Colour,
    radius: float = 0,
    opacity: float = 1,
    soft: float = 1,
) -> None:
    """Blend in a box (x, y, width, height) with round corners; a large `soft` makes a shadow."""
    x, y, width, height = box
    middle_x, middle_y = x + width / 2, y + height / 2

    def distance(at_x: Field, at_y: Field) -> Field:
        over_x = np.abs(at_x - middle_x) - width / 2 + radius
        over_y = np.abs(at_y - middle_y) - height / 2 + radius
        outside = np.hypot(over_x.clip(0), over_y.clip(0))
        return np.asarray(outside + np.minimum(np.maximum(over_x, over_y), 0) - radius)

    shape(canvas, (x, y, x + width, y + height), colour, distance, opacity, soft)


def line(canvas: Canvas, start: Point, end: Point, thick: float, colour: Colour) -> None:
    """Blend in a straight line with round ends."""
    (x0, y0), (x1, y1) = start, end
    length = max(1e-6, (x1 - x0) ** 2 + (y1 - y0) ** 2)

    def distance(x: Field, y: Field) -> Field:
        along = (((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length).clip(0, 1)
        return np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) - thick / 2

    half = thick / 2
    box = (min(x0, x1) - half, min(y0, y1) - half, max(x0, x1) + half, max(y0, y1) + half)
    shape(canvas, box, colour, distance)


def ellipse(
    canvas: Canvas,
    middle: Point,
    radii: Point,
    colour: Colour,
    turned: float = 0,
    opacity: float = 1,
    soft: float = 1,
) -> None:
    """Blend in an ellipse, turned clockwise by that many radians."""
    cos, sin = np.cos(turned), np.sin(turned)
    reach = max(radii)

    def distance(x: Field, y: Field) -> Field:
        along = (x - middle[0]) * cos + (y - middle[1]) * sin
        across = (y - middle[1]) * cos - (x - middle[0]) * sin
        return np.asarray((np.hypot(along / radii[0], across / radii[1]) - 1) * min(radii))

    box = (middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach)
    shape(canvas, box, colour, distance, opacity, soft)


def convex(canvas: Canvas, corners: list[Point], colour: Colour) -> None:
    """Blend in a convex polygon; corners go clockwise on the screen."""

    def distance(x: Field, y: Field) -> Field:
        sides = []
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            length = np.hypot(x1 - x0, y1 - y0)
            sides.append(((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length)
        return np.asarray(np.max(np.broadcast_arrays(*sides), axis=0))

    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    shape(canvas, (min(xs), min(ys), max(xs), max(ys)), colour, distance)


def digits(canvas: Canvas, at: Point, text: str, height: float, colour: Colour) -> None:
    """Blend in seven-segment digits and colons from the top left point on."""
    x, y = at
    for sign in text:
        if sign == ":":
            for share in (0.3, 0.7):
                spot = (x + height * 0.03, y + height * share)
                ellipse(canvas, spot, (height * 0.09, height * 0.09), colour)
            x += height * 0.36
        else:
            digit(canvas, (x, y), DIGITS[int(sign)], height, colour)
            x += height * 0.8


def digit(canvas: Canvas, at: Point, lit: str, height: float, colour: Colour) -> None:
    """Blend in the lit segments of one digit."""
    left, right = at[0], at[0] + height * 0.5
    rows = [at[1], at[1] + height / 2, at[1] + height]
    ends = [
        ((left, rows[0]), (right, rows[0])),
        ((left, rows[0]), (left, rows[1])),
        ((right, rows[0]), (right, rows[1])),
        ((left, rows[1]), (right, rows[1])),
        ((left, rows[1]), (left, rows[2])),
        ((right, rows[1]), (right, rows[2])),
        ((left, rows[2]), (right, rows[2])),
    ]
    for (start, end), on in zip(ends, lit, strict=True):
        if on == "1":
            line(canvas, start, end, height * 0.15, colour)
