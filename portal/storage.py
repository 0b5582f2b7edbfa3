"""The store of this application, opened once per process, and where the audit log's seals go."""

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from portal.core.audit.seals import Outside, SealKey
from storage_backends import Store

store = cast(Store, LocalProxy(lambda: current_app.extensions["store"]))
seals_outside = cast(Outside, LocalProxy(lambda: current_app.extensions["seals"]))
seal_key = cast(SealKey, LocalProxy(lambda: current_app.extensions["seal_key"]))
