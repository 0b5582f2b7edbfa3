"""What a User-Agent header tells people: «Firefox · Linux»."""

from __future__ import annotations

from flask_babel import gettext

# The order counts: Edge calls itself Chrome too, and Chrome Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device(user_agent: str | None) -> str:
    """Browser and system, as far as the header names ones that we know."""
    named = [
        next((name for sign, name in kinds if sign in (user_agent or "")), None)
        for kinds in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(name for name in named if name) or gettext("Another program")
