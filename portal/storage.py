"""The store of this application, opened once per process on first use."""

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from storage_backends import Store

store = cast(Store, LocalProxy(lambda: current_app.extensions["store"]))
