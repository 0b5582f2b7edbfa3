"""`python -m bench.push`: how fast an object is written to S3, beside s3fs's own `write()`.

Both send the same bytes to one SeaweedFS on this machine, turn and turn about. The ratio counts.
"""

from __future__ import annotations

import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import fsspec

from storage_backends import S3Options, Store, open_store
from tests.storage.servers import seaweed_in

ROUNDS = 5
MIB = 1024 * 1024
SIZE = 256
BLOCK = secrets.token_bytes(MIB)


def with_s3fs(options: S3Options) -> None:
    fs = fsspec.filesystem(
        "s3", endpoint_url=options.endpoint_url, key=options.key, secret=options.secret
    )
    with fs.open(f"shared/s3fs/{secrets.token_hex(8)}", "wb") as file:
        for _ in range(SIZE):
            file.write(BLOCK)


def with_store(store: Store) -> None:
    store.write(secrets.token_hex(8), (BLOCK for _ in range(SIZE)))


def rate(act: Callable[[], None]) -> float:
    begun = time.perf_counter()
    act()
    return SIZE / (time.perf_counter() - begun)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, seaweed_in(Path(folder)) as options:
        store = open_store("s3://shared/store", options=options)
        store.write("warm", [BLOCK])
        pairs = [
            (rate(lambda: with_s3fs(options)), rate(lambda: with_store(store)))
            for _ in range(ROUNDS)
        ]
    s3fs, ours = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"s3fs's write(): {s3fs:6.0f} MiB/s")
    print(f"the S3 store:   {ours:6.0f} MiB/s")
    print(f"ratio:          {statistics.median(b / a for a, b in pairs):6.2f}")


if __name__ == "__main__":
    main()
