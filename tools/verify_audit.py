#!/usr/bin/env python3
"""Verifies an exported audit log without the portal: `python3 verify_audit.py audit.jsonl`.

Needs Python 3.9 and nothing else; signatures are checked only if the package `cryptography` is
there, and otherwise it says that they were not. `--key` is the public key that the portal shows on
its page «Chain and seals» and prints with `portal audit key`: without it, whoever forged the file
may have signed it, too. Exit status: 0 valid, 1 not valid, 2 not readable or nothing checked.

What is computed is described in docs/audit.md. Nothing here is shared with the portal on purpose.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

FIELDS = ["seq", "at", "actor_type", "actor_id", "actor_label", "token_id", "ip", "user_agent"]
FIELDS += ["request_id", "action", "object_type", "object_id", "result", "details"]
SEAL, EXPORT = b"portal audit seal 1\n", b"portal audit export 1\n"


class Wrong(Exception):
    """The file is not what the portal wrote; the message says where."""


def canonical(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii")


def link(event):
    before = bytes.fromhex(event["prev_hash"])
    return hashlib.sha256(before + canonical([event[name] for name in FIELDS])).hexdigest()


class File:
    """What has been seen of the file: a line at a time, nothing but hashes is kept."""

    def __init__(self, key):
        self.key = key
        self.digest = hashlib.sha256()
        self.lines = self.linked = self.seals = 0
        self.last = self.hash = self.gap = self.end = None
        self.sealed = {}

    def take(self, line):
        value = json.loads(line)
        if self.end is not None:
            raise Wrong("There are lines after the last one, which is signed.")
        if "export" in value:
            self.end = value
            return
        self.digest.update(line)
        self.lines += 1
        if "seal" in value:
            self.take_seal(value)
        else:
            self.take_event(value)

    def take_event(self, event):
        seq = event["seq"]
        if link(event) != event["hash"]:
            raise Wrong(f"Event #{seq} was changed.")
        if self.last is not None and seq == self.last + 1:
            if event["prev_hash"] != self.hash:
                raise Wrong(f"Event #{seq} does not follow #{self.last}.")
            self.linked += 1
        elif self.gap is None and seq != (self.last or 0) + 1:
            self.gap = (self.last or 0) + 1
        if seq == 1 and event["prev_hash"] != "0" * 64:
            raise Wrong("Event #1 has something before it.")
        if self.sealed.pop(seq, event["hash"]) != event["hash"]:
            raise Wrong(f"The seal at #{seq} does not fit: the chain up to it was computed anew.")
        self.last, self.hash = seq, event["hash"]

    def take_seal(self, value):
        seal = value["seal"]
        self.check(SEAL, seal, value["signature"], f"The seal at #{seal['seq']}")
        if self.sealed.setdefault(seal["seq"], seal["hash"]) != seal["hash"]:
            raise Wrong(f"Two seals at #{seal['seq']} contradict each other.")
        self.seals += 1

    def finish(self):
        if self.end is None:
            raise Wrong("The last line is missing: the file was cut off.")
        said = self.end["export"]
        self.check(EXPORT, said, self.end["signature"], "The last line")
        if said["whole"]:
            self.check_whole(said)
        if said["lines"] != self.lines or said["sha256"] != self.digest.hexdigest():
            raise Wrong("Lines were changed, added or removed: the last line counts others.")
        return said

    def check_whole(self, said):
        if self.gap is not None:
            raise Wrong(f"Event #{self.gap} is missing.")
        if self.last != said["head_seq"] or self.sealed:
            raise Wrong(f"The end was cut off: event #{(self.last or 0) + 1} is missing.")
        if self.hash != said["head_hash"]:
            raise Wrong(f"The end of the chain at #{self.last} was altered.")

    def check(self, kind, statement, signature, what):
        """Whether whoever has the key has signed it; all have to have the same key."""
        self.key = self.key or statement["key"]
        if statement["key"] != self.key:
            raise Wrong(f"{what} is signed with another key: {statement['key']}.")
        if Ed25519PublicKey is None:
            return
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
        try:
            public.verify(bytes.fromhex(signature), kind + canonical(statement))
        except InvalidSignature:
            raise Wrong(f"{what} has no valid signature.") from None


def report(file, said):
    print(f"{file.lines} lines are as they were exported at {said['at']} by {said['by']}.")
    if said["whole"]:
        print(
            f"The whole log: the chain is unbroken from #1 to #{file.last}, {file.seals} seals fit."
        )
    else:
        print(f"A part of the log, filtered by {json.dumps(said['filters'], ensure_ascii=False)}.")
        print(f"{file.linked} events follow the one before them; others were not asked for.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="what the portal exported as JSON lines")
    parser.add_argument("--key", type=str.lower, help="the portal's public key, 64 hex digits")
    wanted = parser.parse_args()
    file = File(wanted.key)
    try:
        with wanted.file.open("rb") as lines:
            for line in lines:
                file.take(line)
        report(file, file.finish())
    except Wrong as wrong:
        print(f"NOT VALID: {wrong}")
        return 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"NOT READABLE after {file.lines} lines: {type(error).__name__}: {error}")
        return 2
    if Ed25519PublicKey is None:
        print("SIGNATURES NOT CHECKED: install the Python package «cryptography».")
    elif wanted.key is None:
        print(f"Signed with the key {file.key}; compare it with the one that the portal shows.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
