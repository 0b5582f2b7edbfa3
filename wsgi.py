"""The application for a WSGI server: `gunicorn -c python:portal.gunicorn_conf wsgi:app`."""

from portal.app import create_app
from portal.config import Settings

app = create_app(Settings.from_env())
