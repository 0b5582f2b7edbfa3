"""Which language a page is in: the one chosen, else the browser's, else English."""

from flask import Blueprint, Flask, Response, redirect, request, session
from flask_babel import Babel, get_locale

from portal.web.login import local_target

LANGUAGES = {"en": "English", "pt_BR": "Português (Brasil)"}

blueprint = Blueprint("language", __name__)


def choose_locale() -> str:
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    wanted = request.accept_languages.best_match(["en", "pt-BR", "pt"], default="en")
    return "pt_BR" if wanted.startswith("pt") else "en"


@blueprint.post("/language")
def choose() -> Response:
    if request.form.get("language") in LANGUAGES:
        session["language"] = request.form["language"]
    return redirect(local_target(request.form.get("next")))  # type: ignore[return-value]


def init_app(app: Flask) -> None:
    Babel(app, locale_selector=choose_locale)
    app.context_processor(lambda: {"languages": LANGUAGES, "locale": get_locale(), "here": here()})


def here() -> str:
    """The page's own address. Flask's full_path would end in "?" where there is no query."""
    return request.full_path if request.query_string else request.path
