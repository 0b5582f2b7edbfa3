#!/usr/bin/env python3
"""Checks a deletion certificate without the portal: `python3 verify_certificate.py file.json`.

Needs Python 3.9 and the package `cryptography`. `--key` is the public key that the portal shows on
its page «Chain and seals» and prints with `portal audit key`: without it, whoever forged the file
may have signed it, too. Exit status: 0 valid, 1 not valid, 2 not readable.

docs/retention.md says what is signed. Nothing here is shared with the portal on purpose.
"""

import argparse
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KIND = b"portal deletion certificate 1\n"


def problem(content, key):
    """Why the certificate does not hold, or None."""
    said, signature = content["certificate"], bytes.fromhex(content["signature"])
    if key is not None and said["key"] != key:
        return f"it is signed with another key: {said['key']}."
    text = json.dumps(said, separators=(",", ":"), sort_keys=True).encode("ascii")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(said["key"])).verify(
            signature, KIND + text
        )
    except InvalidSignature:
        return "the signature is not that of these words."
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="the certificate as the portal gave it")
    parser.add_argument("--key", type=str.lower, help="the portal's public key, 64 hex digits")
    wanted = parser.parse_args()
    try:
        content = json.loads(wanted.file.read_text())
        wrong = problem(content, wanted.key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"NOT READABLE: {type(error).__name__}: {error}")
        return 2
    if wrong:
        print(f"NOT VALID: {wrong}")
        return 1
    said = content["certificate"]
    print(f"{said['recording']} was deleted at {said['deleted_at']} by {said['deleted_by']}.")
    print(f"Its SHA-256 was {said['sha256']}. Reason: {said['reason']}")
    if wanted.key is None:
        print(f"Signed with the key {said['key']}; compare it with the one that the portal shows.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
