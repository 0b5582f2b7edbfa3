"""For clients that can only GET and POST: the method they mean is in X-HTTP-Method-Override.

Below the WSGI application, since Flask chooses the route by the method: as tus 1.0 says, the
actual method is ignored if the header is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class MethodOverride:
    """Wraps an application; changes requests at `prefix` and below it."""

    def __init__(self, app: Wsgi, prefix: str) -> None:
        self.app, self.prefix = app, prefix

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        meant = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE")
        below = f"{environ.get('PATH_INFO', '')}/".startswith(f"{self.prefix}/")
        if meant is None or not below:
            return self.app(environ, start_response)
        actual, environ["REQUEST_METHOD"] = environ["REQUEST_METHOD"], meant.strip().upper()
        if environ["REQUEST_METHOD"] == "HEAD" and actual != "HEAD":
            return self.app(environ, _told_empty(start_response))
        return self.app(environ, start_response)


def _told_empty(start_response: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever sent a POST reads as many bytes as the answer announces, and HEAD's has none."""

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        kept = [each for each in headers if each[0].lower() != "content-length"]
        return start_response(status, [*kept, ("Content-Length", "0")], *rest)

    return start
