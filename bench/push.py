"""`python -m bench.push`: how fast an object gets to S3, beside s3fs's own `write()`.

All send the same bytes to one server on this machine, turn and turn about; the ratios count. A
push reads a file and checks its SHA-256 on the way, which the other two do not. SeaweedFS shares
our cores, and takes most of them for its MD5; the sink keeps nothing and costs nearly nothing.
"""

from __future__ import annotations

import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import fsspec

from bench.sink import sink
from storage_backends import S3Options, Store, open_store
from tests.storage.servers import seaweed_in

ROUNDS = 7
MIB = 1024 * 1024
SIZE = 256
BLOCK = secrets.token_bytes(MIB)
Act = Callable[[], object]


def with_s3fs(options: S3Options) -> None:
    fs = fsspec.filesystem(
        "s3", endpoint_url=options.endpoint_url, key=options.key, secret=options.secret
    )
    with fs.open(f"shared/s3fs/{secrets.token_hex(8)}", "wb") as file:
        for _ in range(SIZE):
            file.write(BLOCK)


def acts(options: S3Options, staging: Store) -> dict[str, Act]:
    store = open_store("s3://shared/store", options=options)
    sha256 = staging.checksum("recording")
    return {
        "s3fs's write()": lambda: with_s3fs(options),
        "our write()": lambda: store.write(secrets.token_hex(8), (BLOCK for _ in range(SIZE))),
        "our push of a file": lambda: store.copy_from(
            staging, "recording", secrets.token_hex(8), sha256
        ),
    }


def rate(act: Act) -> float:
    begun = time.perf_counter()
    act()
    return SIZE / (time.perf_counter() - begun)


def compare(server: str, options: S3Options, staging: Store) -> None:
    contest = acts(options, staging)
    for act in contest.values():
        act()  # connects, and makes SeaweedFS's volumes
    rounds = [[rate(act) for act in contest.values()] for _ in range(ROUNDS)]
    for number, name in enumerate(contest):
        speed = statistics.median(each[number] for each in rounds)
        ratios = sorted(each[number] / each[0] for each in rounds)
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{server:10} {name:20} {speed:6.0f} MiB/s   × {spread}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        staging = open_store(f"file://{folder}/staging")
        staging.write("recording", (BLOCK for _ in range(SIZE)))
        with seaweed_in(Path(folder)) as options:
            compare("SeaweedFS", options, staging)
        with sink() as options:
            compare("sink", options, staging)


if __name__ == "__main__":
    main()
