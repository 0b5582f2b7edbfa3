"""What the pages of recordings share: listing.py has the list, recording.py the page of each."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("recordings", __name__)
