"""Temporary folders of workers that were killed: whole recordings may lie in them."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path

from portal.core.content import DERIVED

LEFT_AFTER = 24 * 3600
"""Seconds, several times as long as a job may take."""

LEFT_BEHIND = ("original", "facts.json", "part.jpg", *DERIVED)
"""A recording that was being looked at, and what portal.core.content found in it."""


def sweep_left_behind(folder: Path) -> None:
    """Remove the temporary folders of workers that were killed. The folder they are in is
    everybody's: one that holds anything else stays."""
    for each in folder.glob("portal-????????"):
        with contextlib.suppress(OSError):  # it is not empty, or another worker was faster
            if _is_left_behind(each.lstat()):
                for name in LEFT_BEHIND:
                    (each / name).unlink(missing_ok=True)
                each.rmdir()


def _is_left_behind(about: os.stat_result) -> bool:
    old = about.st_mtime < time.time() - LEFT_AFTER
    return old and stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid()
