"""What a recorder's `wats_app/api.py` holds: the client under the contract's name."""

from recordings_client import *  # noqa: F403
