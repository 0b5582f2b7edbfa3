"""The exit codes of `recordings`, and which error leads to which."""

from __future__ import annotations

DONE = 0
FAILED = 1
USAGE = 2
TOKEN = 3
SERVER = 4
DIFFERS = 5
LOCAL = 6
BUSY = 7
INTERRUPTED = 130
TERMINATED = 143

MEANINGS = {
    DONE: "All that was asked for is done.",
    FAILED: "Something was refused, or is not there; another try alone does not help.",
    USAGE: "An option or a setting is wrong.",
    TOKEN: "The token is missing, not accepted, or not allowed to do this.",
    SERVER: "The portal was not reached, or is busy; what is queued stays queued.",
    DIFFERS: "verify: the portal has other bytes than this file.",
    LOCAL: "A file, the disk or the queue on this machine cannot be used.",
    BUSY: "watch: another one runs with this queue.",
    INTERRUPTED: "Ctrl-C; what was begun can be gone on with.",
    TERMINATED: "SIGTERM; likewise. watch ends with 0 then.",
}


class Quit(Exception):
    """The command ends with this sentence and this exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


def of_kind(kind: str) -> int:
    """The code for an error of the client, by the name of its class."""
    if kind == "AuthenticationError":
        return TOKEN
    return SERVER if kind in ("NetworkError", "ServerError") else FAILED


def worst(codes: list[int]) -> int:
    """One code for several files: what another try does not mend comes first."""
    return next((code for code in (FAILED, TOKEN, SERVER) if code in codes), DONE)
