"""create_app: the one place where the portal is put together."""

from __future__ import annotations

from flask import Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import api, auth, cors, receiving, web
from portal.bearer import Failures, trust_of
from portal.config import BadSetting, Settings
from portal.core import playing
from portal.core.audit.seals import Outside, SealKey
from portal.core.ranges import Ranges
from portal.data_dir import make_data_dir, seal_key, secret_key
from portal.db import db, engine_options, prepare_engine, session_maker
from portal.delivery import Deliveries
from portal.queue import connect
from portal.storage import open_stores


def create_app(settings: Settings) -> Flask:
    """The application. Raises BadSetting with a sentence for the operator."""
    make_data_dir(settings)
    app = Flask(__name__, template_folder="../templates")
    app.config.update(_flask_config(settings))
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine, settings.strict)
        app.extensions["deliveries"] = _play_log()
    app.extensions["stores"] = stores = open_stores(settings, app.config["SECRET_KEY"])
    app.extensions["seals"] = Outside(settings.data_dir / "seals.jsonl", stores.main)
    app.extensions["seal_key"] = _seal_key(settings)
    app.extensions["redis"] = connect(settings.redis_address)
    app.extensions["jwt_trust"] = trust_of(settings)
    app.extensions["token_failures"] = Failures()
    _guard(app)
    api.init_app(app, settings, CSRFProtect(app))
    web.init_app(app)
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops)  # type: ignore[method-assign]
    return app


def _seal_key(settings: Settings) -> SealKey:
    try:
        return SealKey(seal_key(settings))
    except ValueError as error:
        raise BadSetting("The key of the seals in the data folder is damaged.") from error


def _play_log() -> Deliveries:
    """Writes which bytes have arrived, in sessions of its own."""
    sessions = session_maker()

    def write(sent: dict[str, Ranges]) -> None:
        with sessions() as session:
            playing.add_sent(session, sent)

    return Deliveries(write)


def _flask_config(settings: Settings) -> dict[str, object]:
    return {
        "SETTINGS": settings,
        "SECRET_KEY": secret_key(settings),
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings),
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: pages stay open for hours
        "SESSION_COOKIE_NAME": "portal_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.public_url.startswith("https://"),
        "TRUSTED_HOSTS": list(settings.trusted_hosts) or None,
        "MAX_CONTENT_LENGTH": 1024 * 1024,  # of what Flask parses: forms. Uploads do not pass it.
        "BABEL_DEFAULT_LOCALE": "en",
    }


def _guard(app: Flask) -> None:
    """Who may come in, how long they may be silent, and forms that only our pages can send."""
    app.before_request(auth.number_request)
    app.before_request(receiving.bound_silence)
    app.before_request(cors.preflight)
    auth.init_app(app)
    app.after_request(cors.allow)
    app.after_request(auth.add_request_id)
    # Run in reverse: first the rest of the body is read away, then the answer's limit is set.
    app.after_request(receiving.bound_silence)
    app.after_request(receiving.leave_nothing_unread)
