"""The stores of this application, opened once per process on first use, and where the audit log's
seals go."""

from collections.abc import Collection
from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from portal.config import Settings
from portal.core import storage_marks
from portal.core.audit.seals import Outside, SealKey
from portal.core.storage_marks import WrongPlace
from portal.core.storages import MAIN, STAGING, Stores
from portal.db import db
from portal.setting_types import BadSetting
from storage_backends import StorageError, Store, open_store

stores = cast(Stores, LocalProxy(lambda: current_app.extensions["stores"]))
seals_outside = cast(Outside, LocalProxy(lambda: current_app.extensions["seals"]))
seal_key = cast(SealKey, LocalProxy(lambda: current_app.extensions["seal_key"]))


def open_stores(settings: Settings, secret: str) -> Stores:
    """The stores that the settings name. Raises BadSetting."""
    main = _open("PORTAL_STORAGE_URL", settings.storage_url, settings.strict)
    same = settings.staging_url.rstrip("/") == settings.storage_url.rstrip("/")
    staging = main if same else _open("PORTAL_STAGING_URL", settings.staging_url, settings.strict)
    return Stores(main, staging, secret)


def recognise_storages(settings: Settings, adopt: Collection[str] = ()) -> list[str]:
    """Refuse to start on places that are not those that the database means, and name those that
    do not answer. See portal.core.storage_marks.recognise. Raises BadSetting."""
    urls = {STAGING: settings.staging_url, MAIN: settings.storage_url}
    try:
        return storage_marks.recognise(db.session, stores, urls, adopt)
    except WrongPlace as wrong:
        raise BadSetting(str(wrong)) from wrong


def _open(variable: str, url: str, strict: bool) -> Store:
    try:
        return open_store(url, strict)
    except (StorageError, ValueError) as error:
        raise BadSetting(f"{variable} cannot be used: {error}") from error
