"""gunicorn's settings, taken from the portal's."""

import logging
import socket
import struct
import threading
from typing import Any

from gunicorn.http.errors import UnsupportedTransferCoding

from portal.bodies import AwaitedBody, Server
from portal.config import Settings

_settings = Settings.from_env()
_of_thread = threading.local()

bind = _settings.address
# Threads: `sync` workers are killed in the middle of a slow body.
worker_class = "portal.gunicorn_worker.PortalWorker"
workers = _settings.web_processes
threads = _settings.web_threads
preload_app = True  # a killed process is back in milliseconds instead of a second and a half
worker_connections = max(1000, 4 * threads)
keepalive = 30
control_socket_disable = True  # it would lie in the home folder, one for all portals of a user
timeout = 60
graceful_timeout = 7
logger_class = "portal.gunicorn_logger.PortalLogger"
loglevel = "warning"
limit_request_field_size = 16 * 1024  # Upload-Metadata and Upload-Concat are long
# No header of a proxy is believed here, not even from this machine: the application does that
# itself, as far as PORTAL_PROXY_HOPS says.
forwarded_allow_ips = ""
forwarder_headers = ""


def when_ready(server: Any) -> None:
    """Headers that never end: accepted sockets inherit the listener's receive time-out."""
    limit = struct.pack("ll", _settings.idle_seconds, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    server.log.error_log.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """A client that went silent is none: gunicorn would write a traceback for each."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, BlockingIOError | TimeoutError)


def pre_request(worker: Any, request: Any) -> None:
    """What gunicorn would let through or do too early, before the application is called."""
    # An application cannot ask gunicorn to close a connection; the request in hand can.
    _of_thread.close = request.force_close
    _refuse_packed(request)
    if request._expected_100_continue:
        request._expected_100_continue = False
        request.body = AwaitedBody(request.body.reader, request.unreader.sock)


def _refuse_packed(request: Any) -> None:
    """gunicorn takes `gzip, chunked` and hands over what is still packed."""
    for name, value in request.headers:
        if name == "TRANSFER-ENCODING" and value.lower() != "chunked":
            raise UnsupportedTransferCoding(value)


def post_worker_init(worker: Any) -> None:
    """Lets requests under way know of a SIGTERM: they keep what they have received and end."""
    Server.close_connection = staticmethod(lambda: _of_thread.close())
    Server.stopping = staticmethod(lambda: not worker.alive)


def worker_exit(server: Any, worker: Any) -> None:
    """The play log learns of the last bytes before the process ends."""
    application = getattr(worker, "wsgi", None)  # None: it could not even start
    if application is not None:
        application.extensions["deliveries"].tell()
