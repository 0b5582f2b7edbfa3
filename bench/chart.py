"""The medians as bars, one group for each measure, as an SVG that needs nothing else."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

ROW, GAP, LEFT, BAR, WIDTH = 18, 30, 150, 430, 720
OURS, OTHERS, INK = "#0b6e4f", "#9aa5b1", "#1f2933"
STYLE = "font: 12px system-ui, sans-serif"


def drawn(rows: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """The picture. Longer bars are better, but where the heading says that less is."""
    parts, y = [_caption(machine)], 44
    for name in dict.fromkeys(row["measure"] for row in rows):
        group = [row for row in rows if row["measure"] == name]
        parts.append(_text(10, y, f"{name}, {group[0]['unit']}", "bold"))
        most = max(row["median"] for row in group)
        for row in group:
            y += ROW
            parts.append(_bar(row, y, most))
        y += GAP
    size = f'viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" style="{STYLE}">'
    ground = f'<rect width="{WIDTH}" height="{y}" fill="white"/>'
    return "\n".join([head, "<title>make bench</title>", ground, *parts, "</svg>\n"])


def _caption(machine: dict[str, Any]) -> str:
    load = machine["load_before"][0]
    said = f"{machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}"
    return _text(10, 20, f"{said}; load {load:.1f} before; medians, in seconds less is better")


def _text(x: float, y: float, words: str, weight: str = "normal") -> str:
    return f'<text x="{x}" y="{y}" fill="{INK}" font-weight="{weight}">{escape(words)}</text>'


def _bar(row: dict[str, Any], y: float, most: float) -> str:
    length = max(1.0, BAR * row["median"] / most)
    color = OURS if row["server"].startswith("portal") else OTHERS
    bar = f'<rect x="{LEFT}" y="{y - 11}" width="{length:.0f}" height="14" fill="{color}"/>'
    figure = f"{row['median']:,.0f}" if row["median"] >= 20 else f"{row['median']:.2f}"
    return _text(20, y, row["server"]) + bar + _text(LEFT + length + 6, y, figure)
