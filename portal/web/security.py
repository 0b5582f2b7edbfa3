"""Response headers of every page: nothing inline, nothing from elsewhere, nothing framed."""

from flask import Flask, Response, g

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",  # Bootstrap's style sheet draws its arrows and ticks with data:
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "media-src 'self'",
    )
)


def allow_media_from(origin: str | None) -> None:
    """The page that is being made may play from there, too."""
    g.media_origin = origin


def add_headers(response: Response) -> Response:
    origin = g.get("media_origin")
    response.headers.setdefault("Content-Security-Policy", f"{POLICY} {origin or ''}".strip())
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response


def init_app(app: Flask) -> None:
    app.after_request(add_headers)
