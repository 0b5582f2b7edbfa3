"""File systems of a parent process, in its child: never closed, never collected.

They share an epoll with the parent's event loop. Closing one here, which its finalizer and Python's
garbage collector do by themselves, takes the parent's sockets out of it: the parent's next request
waits in vain (measured, each time). adlfs even waits for ever for the parent's loop (measured).
"""

from __future__ import annotations

import os
import weakref
from typing import Any

_made: list[Any] = []
"""What this process and its parents have made, held for as long as the process lives."""


def left_to_parent(fs: Any) -> Any:
    """The file system, which from now on no fork of this process will touch."""
    _made.append(fs)
    return fs


def _leave() -> None:
    for fs in _made:
        for each in weakref.getweakrefs(fs):
            if isinstance(each.__callback__, weakref.finalize):
                each.__callback__.detach()


os.register_at_fork(after_in_child=_leave)
