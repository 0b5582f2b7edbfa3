"""nginx in front of a portal, with the file that we ship."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import free_port, listens, wait_for

SHIPPED = Path(__file__).parents[1] / "docs/nginx.conf"
AROUND = """
daemon off; worker_processes 2; pid {folder}/pid; error_log stderr; {user}
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@contextmanager
def in_front(portal_port: int, folder: Path, store: Path | None = None) -> Iterator[int]:
    """The port of an nginx that hands on to the portal, without TLS. `store`: the folder from which
    it may send by itself."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.fail("This needs nginx: install the package «nginx».")
    port = free_port()
    server = re.sub(r"^ +(ssl_|server_name).*\n", "", SHIPPED.read_text(), flags=re.MULTILINE)
    server = server.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    server = server.replace("127.0.0.1:8000", f"127.0.0.1:{portal_port}")
    server = server.replace("/var/lib/recordings-portal/store/", f'"{store or folder}/"')
    user = "user root;" if os.geteuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(AROUND.format(folder=folder, user=user, server=server))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(settings), "-e", "stderr"])
    try:
        wait_for(lambda: listens(port), what="nginx listens")
        yield port
    finally:
        process.terminate()
        process.wait(20)
