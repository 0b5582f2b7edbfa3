"""The windows on the desktop: a ledger, a terminal and a report, each drawn item by item.

Knows how each looks at which second of the session, and how to lay it onto a picture.
"""

import numpy as np

from portal.sample_media.canvas import Canvas, Colour, Point, ellipse, rounded

MARGIN = 26  # reach of a window's shadow
ENDS = (slice(0, 8), slice(-8, None))  # rows or columns of the round corners
CYCLE = 60.0  # seconds until the session repeats with other figures
INK: Colour = (52, 64, 84)
PALE: Colour = (152, 162, 179)
GREEN: Colour = (22, 128, 92)
BLUE: Colour = (45, 112, 214)
AMBER: Colour = (240, 164, 56)
WHITE: Colour = (255, 255, 255)
Track = tuple[tuple[float, float, float], ...]  # second of the cycle, x and y by then


def place(track: Track, second: float) -> Point:
    """Where something on that track is; it starts and stops gently."""
    times = [time for time, _, _ in track]
    after = int(np.searchsorted(times, second, side="right"))
    if after in (0, len(track)):
        return track[min(after, len(track) - 1)][1:]
    (start, x0, y0), (end, x1, y1) = track[after - 1], track[after]
    share = (second - start) / (end - start)
    share = share * share * (3 - 2 * share)
    return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


class Window:
    """A window whose content grows item by item; subclasses draw it."""

    size: tuple[int, int] = (0, 0)
    opens, closes = 0.0, CYCLE  # seconds of the cycle
    track: Track = ((0.0, 0.0, 0.0),)
    starts, per_second, items = 0.0, 5.0, 0

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.done = 0
        width, height = self.size
        self.canvas: Canvas = np.zeros((height, width, 3), np.uint8)
        self.shade: Canvas = np.zeros((height + 2 * MARGIN, width + 2 * MARGIN, 3), np.uint8)
        rounded(self.shade, (MARGIN, MARGIN + 6, width, height - 4), WHITE, 14, 0.5, MARGIN)
        self.solid: Canvas = np.zeros_like(self.canvas)
        rounded(self.solid, (0, 0, width, height), WHITE, 8)
        self.frame()

    def frame(self) -> None:
        """Draw what is there from the beginning."""

    def item(self, number: int) -> None:
        """Draw the next thing somebody types, or the next step of what moves."""

    def catch_up(self, second: float) -> None:
        """Draw all items due by that second of the cycle."""
        due = min(self.items, int((second - self.starts) * self.per_second))
        while self.done < due:
            self.item(self.done)
            self.done += 1

    def opacity(self, second: float) -> float:
        """0 while closed, 1 while open, between for a third of a second."""
        return float(np.clip(min(second - self.opens, self.closes - second) * 3, 0, 1))

    def text(self, at: Point, width: float, colour: Colour, thick: float = 5) -> None:
        """A word as one sees it from afar."""
        rounded(self.canvas, (*at, width, thick), colour, thick / 2)

    def words(self, at: Point, most: float, colour: Colour, thick: float = 5) -> None:
        """A line of words, at most that wide."""
        x, end = at[0], at[0] + most
        while x + 12 < end:
            width = min(float(self.rng.integers(12, 44)), end - x)
            self.text((x, at[1]), width, colour, thick)
            x += width + 6

    def title(self, back: Colour, mark: Colour, word: Colour) -> None:
        """The bar at the top: a mark, the title, three buttons."""
        self.canvas[:28] = back
        rounded(self.canvas, (10, 8, 12, 12), mark, 3)
        self.text((30, 11), 74, word, 6)
        self.text((110, 11), 38, word, 6)
        for number, colour in enumerate((PALE, PALE, (226, 104, 92))):
            middle = (self.size[0] - 50 + number * 18, 14)
            ellipse(self.canvas, middle, (5, 5), colour)


class Ledger(Window):
    """A spreadsheet that somebody fills in."""

    size = (560, 384)
    track = ((0.0, 96.0, 64.0),)
    starts, per_second, items = -4.0, 2.2, 13 * 6
    opens = -1.0
    closes = CYCLE + 1
    lefts = (34, 172, 249, 326, 403, 480, 557)

    def frame(self) -> None:
        """Tool bar, headings and an empty grid."""
        self.lengths = self.rng.integers(24, 56, self.items)
        self.canvas[:] = WHITE
        self.title((238, 242, 246), GREEN, INK)
        self.canvas[28:62] = (247, 249, 251)
        for x in range(14, 330, 26):
            rounded(self.canvas, (x, 38, 14, 14), (205, 213, 223), 3)
        rounded(self.canvas, (452, 36, 92, 18), GREEN, 5)
        self.text((474, 42), 48, WHITE, 6)
        self.canvas[62:84] = self.canvas[62:, :34] = (240, 243, 247)
        for x in self.lefts[:-1]:
            self.canvas[62:, x] = (221, 227, 234)
            self.text((x + 12, 70), 34, PALE)
        for y in range(84, self.size[1], 22):
            self.canvas[y] = (228, 233, 239)
            self.text((12, y + 9), 10, PALE, 4)

    def item(self, number: int) -> None:
        """Fill the next cell and select it."""
        if number:
            self.cell(number - 1, selected=False)
        self.cell(number, selected=True)

    def cell(self, number: int, selected: bool) -> None:
        """One cell with a name or a figure in it; figures stand to the right."""
        row, column = divmod(number, 6)
        x, y, right = self.lefts[column], 84 + 22 * row, self.lefts[column + 1]
        self.canvas[y + 1 : y + 22, x + 1 : right] = (230, 245, 238) if row % 4 == 3 else WHITE
        length = float(self.lengths[number])
        if column == 0:
            self.text((x + 10, y + 9), length * 1.8, INK)
        else:
            negative = self.lengths[number] % 11 == 0
            self.text((right - 10 - length, y + 9), length, (205, 76, 66) if negative else INK)
        if selected:
            for edge in (y, y + 1, y + 21, y + 22):
                self.canvas[edge, x : right + 1] = GREEN
            self.canvas[y : y + 23, [x, x + 1, right - 1, right]] = GREEN
        else:
            self.grid(x, y, right)

    def grid(self, x: int, y: int, right: int) -> None:
        """Put the lines around a cell back."""
        self.canvas[[y, y + 22], x : right + 1] = (228, 233, 239)
        self.canvas[y : y + 23, [x, right]] = (221, 227, 234)


class Terminal(Window):
    """A dark window in which commands and their answers scroll by."""

    size = (396, 250)
    opens, closes = 12.4, 58.0
    track = ((0.0, 470.0, 242.0), (26.5, 470.0, 242.0), (29.5, 540.0, 232.0))
    starts, per_second, items = 13.5, 2.6, 110

    def frame(self) -> None:
        """An empty screen."""
        self.canvas[:] = (16, 22, 32)
        self.title((32, 41, 57), (99, 211, 166), (186, 196, 212))

    def item(self, number: int) -> None:
        """The next line: a command, or one of the four lines it answers."""
        row = min(number, 13)
        if number > 13:
            self.canvas[34:-8] = np.concatenate([self.canvas[50:-8], self.canvas[-24:-8]])
            self.canvas[-24:-6] = (16, 22, 32)
        y = 38 + 15 * row if number <= 13 else self.size[1] - 20
        if number % 5 == 0:
            self.text((14, y), 46, (99, 211, 166))
            self.text((66, y), 10, BLUE)
            self.words((84, y), float(self.rng.integers(90, 180)), (226, 232, 240))
        else:
            tint = AMBER if self.rng.random() < 0.12 else (116, 129, 150)
            self.words((14, y), float(self.rng.integers(80, 350)), tint)


class Report(Window):
    """A chart whose columns grow."""

    size = (300, 210)
    opens, closes = 33.0, 56.5
    track = ((0.0, 632.0, 44.0),)
    starts, per_second, items = 33.6, 10.0, 60
    heights = (52, 78, 64, 96, 84, 118, 104, 134)

    def frame(self) -> None:
        """Heading and axis lines."""
        self.canvas[:] = WHITE
        self.title((238, 242, 246), BLUE, INK)
        self.text((16, 42), 96, INK, 7)
        for y in range(62, 195, 33):
            self.canvas[y, 16:-16] = (230, 235, 241)

    def item(self, number: int) -> None:
        """All columns a little higher."""
        share = 1 - (1 - (number + 1) / self.items) ** 3
        for place, height in enumerate(self.heights):
            tall = height * share
            box = (24.0 + 33 * place, 194 - tall, 18.0, tall)
            rounded(self.canvas, box, BLUE if place % 2 else (126, 170, 236), 3)


def paste(below: Canvas, window: Window, second: float) -> None:
    """Lay the window with its shadow onto the canvas; it stays MARGIN away from left and top."""
    opacity, (width, height) = window.opacity(second), window.size
    if opacity == 0:
        return
    x, y = (round(value) for value in place(window.track, second))
    around = below[y - MARGIN : y + height + MARGIN, x - MARGIN : x + width + MARGIN]
    shade = window.shade[: around.shape[0], : around.shape[1], :1]
    target = below[y : y + height, x : x + width]
    if opacity < 1:
        target[:] = target * (1 - opacity) + window.canvas * opacity
        return
    around[:] = around * (256 - shade.astype(np.uint16)) >> 8
    corners = [(rows, columns) for rows in ENDS for columns in ENDS]
    before = [target[corner].copy() for corner in corners]
    target[:] = window.canvas
    for corner, old in zip(corners, before, strict=True):
        cover = window.solid[corner] / 255
        target[corner] = old + (target[corner] - old.astype(np.float32)) * cover
