"""gunicorn's threaded worker, with two changes: connections are closed in their own thread, and
no line of the log takes a request for the one before."""

from __future__ import annotations

from gunicorn.util import close_graceful
from gunicorn.workers.gthread import TConn, ThreadWorker

from portal import logs


class PortalWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn 27 waits up to 2 s for a peer to close its side, and does so in the thread that
    accepts: 25 silent peers stopped a process for 50 s. Here each waits in its own thread."""

    def handle(self, conn: TConn) -> object:
        logs.carry()  # nothing of the request that this thread served before
        keep = super().handle(conn)
        if not keep:
            close_graceful(conn.sock)
            # gunicorn closes it once more; on a closed socket that fails, and is counted twice.
            conn.close = lambda graceful=False: None
        return keep
