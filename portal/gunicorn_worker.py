"""gunicorn's threaded worker, with three changes: connections are closed in their own thread, a
client that asks again at once is answered in the thread that it has, and no line of the log takes a
request for the one before."""

from __future__ import annotations

import select

from gunicorn.util import close_graceful
from gunicorn.workers.gthread import TConn, ThreadWorker

from portal import logs

AWAIT_NEXT_MS = 5


class PortalWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn 27 waits up to 2 s for a peer to close its side, and does so in the thread that
    accepts: 25 silent peers stopped a process for 50 s. Here each waits in its own thread.

    Between two requests of a connection it hands the connection to that thread and back, which
    takes 350–450 µs. Here the thread waits a moment for the next one, while there are threads
    enough.
    """

    def handle(self, conn: TConn) -> object:
        keep = self._answer(conn)
        while keep is True and self._asks_again(conn):
            keep = self._answer(conn)
        if not keep:
            close_graceful(conn.sock)
            # gunicorn closes it once more; on a closed socket that fails, and is counted twice.
            conn.close = lambda graceful=False: None
        return keep

    def _answer(self, conn: TConn) -> object:
        logs.carry()  # nothing of the request that this thread served before
        return super().handle(conn)

    def _asks_again(self, conn: TConn) -> bool:
        """Whether the next request has begun to arrive, within a moment."""
        if not self.alive or conn.is_http2 or self.nr_conns > self.cfg.threads // 2:
            return False
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        return bool(conn.parser.unreader.buf.getvalue() or poll.poll(AWAIT_NEXT_MS))
