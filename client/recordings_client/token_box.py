"""The token at rest: in the system's keyring where there is one, else encrypted.

It never stands in a file as it is. `encrypted:…` is opened with a key that lies beside the queue
and that only this account can read; `keyring:…` is a name in the system's keyring.
"""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from recordings_client.errors import AuthenticationError

log = logging.getLogger(__name__)
SERVICE = "recordings-client"
KEYRING, ENCRYPTED = "keyring:", "encrypted:"


def is_sealed(text: str) -> bool:
    return text.startswith((KEYRING, ENCRYPTED))


def seal(token: str, folder: Path) -> str:
    """What may be written into a file instead of the token."""
    name = secrets.token_hex(8)
    if _into_keyring(name, token):
        return KEYRING + name
    return ENCRYPTED + Fernet(_key(folder)).encrypt(token.encode()).decode()


def reveal(text: str, folder: Path) -> str:
    """The token; a text that is not sealed is the token itself. Raises AuthenticationError."""
    if text.startswith(KEYRING):
        return _from_keyring(text.removeprefix(KEYRING))
    if not text.startswith(ENCRYPTED):
        return text
    try:
        return Fernet(_key(folder)).decrypt(text.removeprefix(ENCRYPTED).encode()).decode()
    except InvalidToken:
        raise AuthenticationError(
            f"The token cannot be decrypted with the key in {folder}; write the token anew."
        ) from None


def _into_keyring(name: str, token: str) -> bool:
    """False where there is no keyring, or it is locked: each kind has errors of its own."""
    keyring = _keyring()
    try:
        if keyring is not None:
            keyring.set_password(SERVICE, name, token)
    except Exception as error:
        log.warning(
            "The keyring cannot be used (%s); the token is encrypted.", type(error).__name__
        )
        return False
    return keyring is not None


def _from_keyring(name: str) -> str:
    keyring = _keyring()
    try:
        token = keyring.get_password(SERVICE, name) if keyring is not None else None
    except Exception as error:
        reason = f"The keyring cannot be used: {type(error).__name__}. Unlock it, and begin again."
        raise AuthenticationError(reason) from error
    if not token:
        raise AuthenticationError("The keyring does not have the token; write the token anew.")
    return str(token)


def _keyring() -> Any:
    """The keyring's module, if it is installed and this system has one that works."""
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return None
    return keyring if keyring.get_keyring().priority >= 1 else None


def _key(folder: Path) -> bytes:
    """The key of this folder, made on first use. Of two processes that make it, one wins."""
    path = folder / "token.key"
    if not path.exists():
        folder.mkdir(0o700, parents=True, exist_ok=True)
        fresh = folder / f"{path.name}.{secrets.token_hex(4)}"
        _write(fresh, Fernet.generate_key(), 0o600)
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()


def is_ours(path: Path) -> bool:
    """Whether this account owns the file. Of another's, sealing would lock its owner out: such as
    when an administrator looks at a recorder's settings."""
    return sys.platform == "win32" or path.stat().st_uid == os.geteuid()


def replace_file(path: Path, text: str) -> None:
    """Write the file anew, whole or not at all, with the rights that it had; where a link leads
    to it, there. Raises OSError."""
    path = path.resolve()
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        _write(fresh, text.encode(), path.stat().st_mode & 0o777)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
