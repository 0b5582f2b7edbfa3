"""gunicorn's lines in our form: what it has to complain about, and one line for each request."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from portal import logs
from portal.config import Settings

_UNREADABLE = re.compile(r"(Invalid request from ip=\S+: [^:'\"]*).*", re.S)


class PortalLogger(Logger):  # type: ignore[misc]
    """Hands everything to the one handler of the process."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.begin(Settings.from_env().log_format, "web")
        for each in (self.error_log, self.access_log):
            each.handlers.clear()
            each.propagate = True

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """What no request could be read from may hold anything, a password too: only the kind of
        the mistake is told."""
        super().warning(_UNREADABLE.sub(r"\1", msg), *args, **kwargs)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """The path alone: queries may hold secrets."""
        facts = {
            "method": environ["REQUEST_METHOD"],
            # One that gunicorn refuses by itself has no environment of its own.
            "path": logs.blotted(environ.get("PATH_INFO") or req.path or ""),
            "status": int(str(resp.status).split()[0]),
            "bytes": resp.sent,
            "seconds": round(request_time.total_seconds(), 3),
            "ip": environ.get("REMOTE_ADDR", ""),
        }
        line = "%(method)s %(path)s %(status)d, %(bytes)d bytes in %(seconds).3f s to %(ip)s"
        self.access_log.info(line, facts, extra={"facts": facts})
