"""The command `portal`: running the portal, and what an operator does at a shell."""

from portal.cli import audit, people, recordings, retention, running, storing, tidying, tokens
from portal.cli.command import main

__all__ = [
    "audit",
    "main",
    "people",
    "recordings",
    "retention",
    "running",
    "storing",
    "tidying",
    "tokens",
]
