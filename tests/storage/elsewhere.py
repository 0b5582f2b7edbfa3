"""Scripts in a process of their own, with a store's options in the environment."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

from storage_backends.options import Options
from tests.storage.servers import PROJECT

BEGIN = "import sys; from storage_backends import open_store; store = open_store(sys.argv[1]);"


def elsewhere(
    options: Options | None, script: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run a script that finds `store`, at the address that is the first of the words."""
    said = {
        variables[0]: getattr(options, each.name)
        for each in (dataclasses.fields(options) if options else ())
        if (variables := each.metadata["variables"])
    }
    return subprocess.run(
        [sys.executable, "-c", BEGIN + script, *words],
        env=os.environ | said,
        cwd=PROJECT,
        text=True,
        capture_output=True,
        timeout=120,
    )
