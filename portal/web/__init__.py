"""The pages: one module per menu entry, with its forms beside it."""

from flask import Flask

from portal import auth
from portal.web import errors, language, login, notes, recordings, security, show, uploads


def init_app(app: Flask) -> None:
    """Add the pages and what all of them share."""
    app.context_processor(lambda: {"may": auth.may, "request_id": auth.request_id})
    language.init_app(app)
    show.init_app(app)
    security.init_app(app)
    errors.init_app(app)
    for module in (language, login, notes, recordings, uploads):
        app.register_blueprint(module.blueprint)
