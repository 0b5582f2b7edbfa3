"""The servers that people would pick instead, as their documentation starts them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.server import PutServer, TusServer

NODE = {"@tus/server": "2.4.5", "@tus/file-store": "2.1.1"}
PYTHON = {
    "tuspyserver": "4.4.3",
    "resumable-upload": "0.3.0",
    "copyparty": "1.20.26",
    "uvicorn": "0.54.0",
}
SCRATCH = Path(__file__).parents[1] / "var/bench-peers"
VENV = SCRATCH / "venv/bin"


def install() -> None:
    """Fetch the peers into a scratch folder, once. Raises CalledProcessError."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    if not (SCRATCH / "node_modules/@tus/file-store").exists():
        wanted = [f"{name}@{version}" for name, version in NODE.items()]
        _run("npm", "install", "--silent", "--ignore-scripts", "--prefix", str(SCRATCH), *wanted)
    if not (VENV / "copyparty").exists():
        _run(sys.executable, "-m", "venv", str(VENV.parent))
        wanted = [f"{name}=={version}" for name, version in PYTHON.items()]
        _run(str(VENV / "python"), "-m", "pip", "install", "-qq", *wanted)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


NGINX = """
daemon off; {user} worker_processes 2; pid {folder}/pid; error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off; sendfile on; keepalive_requests 1000000; default_type audio/wav;
    client_max_body_size 0; client_body_buffer_size 1m;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}; root {folder}/files;
        location /put/ {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


class Nginx(PutServer):
    """DAV PUT with a buffer of 1 MiB, and static files by sendfile."""

    name = "nginx"

    def command(self) -> list[str]:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise FileNotFoundError("nginx is not installed")
        said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
        self.version = said.strip().rpartition("/")[2]
        user = "user root;" if os.geteuid() == 0 else ""
        settings = self.folder / "nginx.conf"
        settings.write_text(NGINX.format(folder=self.folder, port=self.port, user=user))
        return [program, "-p", str(self.folder), "-c", str(settings), "-e", "stderr"]


NODE_SERVER = """
import http from "node:http";
import {{ Server }} from "@tus/server";
import {{ FileStore }} from "@tus/file-store";
const datastore = new FileStore({{ directory: "{files}" }});
const tus = new Server({{ path: "/files", datastore }});
http.createServer(tus.handle.bind(tus)).listen({port}, "127.0.0.1");
"""


class NodeTus(TusServer):
    """The reference server in JavaScript, with its store of files."""

    name = "@tus/server"
    version = NODE["@tus/server"]

    def command(self) -> list[str]:
        script = SCRATCH / f"server-{self.port}.mjs"  # beside node_modules, where imports look
        script.write_text(NODE_SERVER.format(files=self.files, port=self.port))
        return ["node", str(script)]

    def stop(self) -> None:
        super().stop()
        (SCRATCH / f"server-{self.port}.mjs").unlink()


PYTHON_SERVER = """
import uvicorn
from fastapi import FastAPI
from tuspyserver import create_tus_router
app = FastAPI()
app.include_router(create_tus_router(prefix="files", files_dir={files!r}))
uvicorn.run(app, host="127.0.0.1", port={port}, log_level="warning")
"""


class TusPyServer(TusServer):
    name = "tuspyserver"
    version = PYTHON["tuspyserver"]

    def command(self) -> list[str]:
        script = PYTHON_SERVER.format(files=str(self.files), port=self.port)
        return [str(VENV / "python"), "-c", script]


class ResumableUpload(TusServer):
    name = "resumable-upload"
    version = PYTHON["resumable-upload"]

    def command(self) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--upload-dir", str(self.files)]
        words = [*where, "--db-path", str(self.folder / "db"), "--log-level", "ERROR"]
        return [str(VENV / "resumable-upload"), "serve", *words]


class Copyparty(PutServer):
    """As it comes: it computes a checksum of what it takes."""

    name = "copyparty"
    version = PYTHON["copyparty"]

    def command(self) -> list[str]:
        (self.files / "put").mkdir()
        volume = f"{self.files}::A"
        where = ["-i", "127.0.0.1", "-p", str(self.port), "-v", volume]
        return [str(VENV / "copyparty"), "-q", "--no-crt", *where]


PEERS = (Nginx, NodeTus, TusPyServer, ResumableUpload, Copyparty)
