"""The data folder, and the secret keys that are made in it on first use."""

from __future__ import annotations

import os
import secrets

from portal.config import Settings
from portal.setting_types import BadSetting


def make_data_dir(settings: Settings) -> None:
    """Create the data folder, for us alone. Raises BadSetting if that is impossible."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadSetting(
            f"PORTAL_DATA_DIR={settings.data_dir} cannot be used: {error.strerror}."
        ) from error


def secret_key(settings: Settings) -> str:
    """The key that signs cookies: the setting, or the one in the data folder, made on first use."""
    cure = "delete it, and everybody has to sign in again"
    return settings.secret_key or _kept(settings, "secret_key", cure)


def seal_key(settings: Settings) -> str:
    """The key that signs the audit log's seals: the setting, or the one in the data folder."""
    cure = "put it back from the backup; without it the seals of the audit log are worth nothing"
    return settings.seal_key or _kept(settings, "seal_key", cure)


def _kept(settings: Settings, name: str, cure: str) -> str:
    """The secret in this file, 64 hex digits, made on first use. Raises BadSetting."""
    make_data_dir(settings)
    path = settings.data_dir / name
    try:
        # Whoever creates the file first decides, whole: never a key that is half written.
        made = path.with_name(f"{name}.{secrets.token_hex(4)}")
        made.touch(mode=0o600)
        with made.open("w") as file:
            file.write(secrets.token_hex(32))
            os.fsync(file.fileno())
        path.hardlink_to(made)
    except FileExistsError:
        pass
    finally:
        made.unlink(missing_ok=True)
    if len(key := path.read_text()) < 32:
        raise BadSetting(f"{path} holds no key; {cure}.")
    return key
