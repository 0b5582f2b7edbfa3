"""Who we are to Azure: a connection string, an account's key, or the machine's identity."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from storage_backends import AzureOptions, StorageUnavailable, open_store
from tests.storage.conftest import python
from tests.storage.servers import azure_options

ACCOUNT = AzureOptions(account="nowhere-at-all")


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What Azure gives its machines: an endpoint that hands out tokens. Yields who asked."""
    asked: list[str] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (resource,) = parse_qs(urlsplit(self.path).query)["resource"]
            asked.append(f"{self.headers['X-IDENTITY-HEADER']} for {resource}")
            told = {"access_token": "t", "expires_on": str(int(time.time()) + 3600)}
            body = json.dumps({**told, "resource": resource, "token_type": "Bearer"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_port}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "machine")
        yield asked
        server.shutdown()


def test_an_account_without_a_key_asks_for_the_machines_identity(identity: list[str]) -> None:
    """Azurite takes tokens over trusted TLS only: what follows the token, only Azure can show."""
    store = open_store("abfs://container/x", options=ACCOUNT)
    with pytest.raises(StorageUnavailable, match="DNS"):
        store.stat("a/1")
    assert identity[0] == "machine for https://storage.azure.com"
    assert store.direct_url("a/1") is None, "without the account's key, nothing can be signed"
    assert store.direct_upload("a/1", 5, 60) is None


def test_a_machine_without_an_identity_hears_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    begun = time.monotonic()
    with pytest.raises(StorageUnavailable, match="set AZURE_STORAGE_KEY, or give this machine"):
        open_store("abfs://container/x", options=ACCOUNT).stat("a/1")
    assert time.monotonic() - begun < 5


def test_an_account_is_never_mistaken_for_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login = "BlobEndpoint=http://127.0.0.1:1/other;AccountName=other;AccountKey=aHVudGVyMg=="
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", login)
    with pytest.raises(ValueError, match="another Azure login") as refused:
        open_store("abfs://container/x", options=ACCOUNT)
    assert "aHVudGVyMg" not in str(refused.value)
    with_key = AzureOptions(account="nowhere-at-all", key="YQ==")
    address = open_store("abfs://container/x", options=with_key).direct_url("a/1")
    assert address and address.startswith("https://nowhere-at-all.blob.core.windows.net/")


FORKS = """
import os, signal, sys
from storage_backends import AzureOptions, open_store
store = open_store("abfs://container/x", options=AzureOptions(connection_string=sys.argv[1]))
child = os.fork()
if child == 0:
    signal.alarm(10)
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_that_never_used_the_store_ends_by_itself() -> None:
    """As the web server's workers do; left to adlfs, they would wait for ever."""
    ended = python(FORKS, azure_options(1).connection_string)
    assert (ended.stdout, ended.stderr) == ("0\n", "")
