"""A remote desktop session that never was: a ledger, a terminal and a report at work.

Knows the desktop around the windows. A new frame costs what has changed since the last one.
"""

from collections.abc import Iterator

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
from portal.sample_media.windows import (
    AMBER,
    BLUE,
    CYCLE,
    GREEN,
    WHITE,
    Ledger,
    Report,
    Terminal,
    Track,
    Window,
    paste,
    place,
)

WIDTH, HEIGHT = 960, 540
BAR = 40  # height of the task bar
MOUSE: Track = (
    (0.0, 300.0, 250.0),
    (3.0, 350.0, 190.0),
    (9.0, 470.0, 300.0),
    (11.5, 398.0, 520.0),
    (13.0, 398.0, 520.0),
    (14.5, 640.0, 400.0),
    (25.0, 700.0, 300.0),
    (26.5, 640.0, 256.0),
    (29.5, 740.0, 216.0),
    (32.0, 434.0, 520.0),
    (33.5, 434.0, 520.0),
    (36.0, 790.0, 190.0),
    (43.0, 560.0, 210.0),
    (50.0, 250.0, 330.0),
    (60.0, 300.0, 250.0),
)


def wallpaper() -> Canvas:
    """The desktop with its icons and the task bar."""
    canvas = gradient(WIDTH, HEIGHT, (18, 48, 92), (36, 128, 140))
    ellipse(canvas, (760, 620), (520, 330), (70, 176, 170), 0.3, 0.22, 3)
    ellipse(canvas, (900, 640), (470, 300), (28, 92, 130), 0.2, 0.35, 3)
    ellipse(canvas, (120, -60), (420, 260), (40, 84, 150), 0.2, 0.45, 3)
    colours: tuple[Colour, ...] = (AMBER, (92, 160, 240), (120, 205, 170), (214, 120, 150))
    for number, colour in enumerate(colours):
        y = 40 + 84 * number
        rounded(canvas, (28, y, 36, 36), colour, 9)
        rounded(canvas, (36, y + 9, 20, 4), WHITE, 2, 0.75)
        rounded(canvas, (36, y + 17, 13, 4), WHITE, 2, 0.75)
        rounded(canvas, (24, y + 46, 44, 5), WHITE, 2.5, 0.8)
    task_bar(canvas)
    return canvas


def task_bar(canvas: Canvas) -> None:
    """The bar at the bottom, without its clock."""
    rounded(canvas, (0, HEIGHT - BAR, WIDTH, BAR + 2), (10, 20, 36), 0, 0.86)
    for number in range(4):
        x, y = 18 + 10 * (number % 2), HEIGHT - 29 + 10 * (number // 2)
        rounded(canvas, (x, y, 8, 8), (120, 190, 250), 1.5)
    rounded(canvas, (56, HEIGHT - 31, 220, 22), WHITE, 11, 0.12)
    rounded(canvas, (76, HEIGHT - 22, 84, 5), WHITE, 2.5, 0.4)
    colours: tuple[Colour, ...] = (AMBER, GREEN, (99, 211, 166), BLUE, (214, 120, 150))
    for number, colour in enumerate(colours):
        rounded(canvas, (316 + 36 * number, HEIGHT - 31, 22, 22), colour, 6)


def pointer(canvas: Canvas, at: Point) -> None:
    """The arrow of the mouse: white with a dark rim."""
    x, y = at
    for grow, colour in ((1.6, (16, 24, 40)), (0.0, WHITE)):
        tip, low, wing = (
            (x - grow, y - grow * 2.4),
            (x - grow, y + 17 + grow * 1.6),
            (x + 12, y + 12),
        )
        convex(canvas, [tip, (wing[0] + grow * 1.8, wing[1] + grow), low], colour)
        line(canvas, (x + 5, y + 11), (x + 8.4, y + 18.6), 3.2 + grow * 2, colour)


def session_bar(canvas: Canvas, second: float) -> None:
    """The bar of the remote connection, with the time since its start."""
    rounded(canvas, (380, -8, 200, 36), (12, 22, 40), 8, 0.88)
    ellipse(canvas, (400, 13), (4.5, 4.5), (240, 82, 82))
    rounded(canvas, (414, 10, 58, 6), WHITE, 3, 0.55)
    minutes, rest = divmod(int(second), 60)
    digits(canvas, (496, 7), f"{minutes % 100:02d}:{rest:02d}", 13, WHITE)


def clock(canvas: Canvas, second: float) -> None:
    """The time of day in the task bar; the session begins at 9:41."""
    now = 9 * 3600 + 41 * 60 + int(second)
    text = f"{now // 3600 % 24:02d}:{now // 60 % 60:02d}:{now % 60:02d}"
    digits(canvas, (WIDTH - 104, HEIGHT - 28), text, 15, (226, 236, 248))


def session(seconds: float, frame_rate: int) -> Iterator[Canvas]:
    """The session as frames of WIDTH x HEIGHT."""
    empty, windows = wallpaper(), list[Window]()
    shown, scene = "", empty
    for number in range(round(seconds * frame_rate)):
        cycle, second = divmod(number / frame_rate, CYCLE)
        if second == 0:
            windows = [kind(int(cycle) + 1) for kind in (Ledger, Terminal, Report)]
        for window in windows:
            window.catch_up(second)
        if shown != (shown := state(windows, number / frame_rate)):
            scene = composed(empty, windows, number / frame_rate)
        canvas = scene.copy()
        pointer(canvas, place(MOUSE, second))
        yield canvas


def state(windows: list[Window], time: float) -> str:
    """Something that differs whenever the windows or the clocks look different."""
    second = time % CYCLE
    parts = [(w.done, w.opacity(second), place(w.track, second)) for w in windows]
    return repr((int(time), parts))


def composed(empty: Canvas, windows: list[Window], time: float) -> Canvas:
    """The desktop with its windows, the last one on top, and its clocks."""
    canvas = empty.copy()
    for window in windows:
        paste(canvas, window, time % CYCLE)
    session_bar(canvas, time)
    clock(canvas, time)
    return canvas
