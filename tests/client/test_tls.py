"""https with a certificate of an organisation's own, in front of the real portal."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.client.console import Console
from tests.client.test_cli_commands import wrong
from tests.conftest import Portal


@dataclass(frozen=True)
class Secure:
    url: str
    certificate: Path


def certificate(folder: Path) -> tuple[Path, Path]:
    """For 127.0.0.1, signed by itself; and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an organisation")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - datetime.timedelta(days=1))
    made = made.not_valid_after(now + datetime.timedelta(days=1)).add_extension(here, False)
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return pem, private


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while block := source.recv(65536):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one side has gone away


@pytest.fixture
def secure(portal: Portal, tmp_path: Path) -> Iterator[Secure]:
    pem, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)

    class Front(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", portal.port)) as behind:
                try:
                    client = context.wrap_socket(self.request, server_side=True)
                except OSError:
                    return  # whoever does not trust us hangs up
                threading.Thread(target=pump, args=(behind, client), daemon=True).start()
                pump(client, behind)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Front) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Secure(f"https://127.0.0.1:{server.server_address[1]}/api", pem)
        server.shutdown()


def test_a_certificate_that_nobody_vouches_for_is_refused_with_what_to_do(
    console: Console, secure: Secure, film: Path
) -> None:
    code, found = wrong(console, base_url=secure.url)
    assert code == 4 and "certificate" in found["portal"]["found"]
    assert "REQUESTS_CA_BUNDLE" in found["portal"]["do"]
    done = console.run("upload", film, base_url=secure.url, max_retries="0")
    assert done.returncode == 4 and "certificate" in done.stdout


def test_with_the_organisations_own_certificate_it_is_sent(
    console: Console, secure: Secure, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure.certificate))
    done = console.run("upload", "--wait", film, base_url=secure.url)
    assert done.returncode == 0, done.stdout + done.stderr
