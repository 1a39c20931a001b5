"""Verifies the proof of a history that Kontor has exported. Needs Python 3.8 or newer, and nothing of Kontor.

    python3 verify_proof.py proof.json --public-key seal-key.pub

The public key is that of the first seal, or of a later one, from where the institution has published it. Signatures are
verified by the package `cryptography` if it is there, otherwise by the command `openssl` (1.1.1 or newer). The exit
status is 1 if something does not fit. docs/proof.md of Kontor has the form that is verified here, byte for byte.
"""

from __future__ import annotations

import argparse
import base64
import calendar
import hashlib
import importlib
import json
import math
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - Python 3.8

Entry = Any
Seals = Any

ZEROS = "0" * 64
# What DER has before the 32 bytes of an Ed25519 key.
ED25519 = bytes.fromhex("302a300506032b6570032100")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", type=Path)
    parser.add_argument("--public-key", type=Path, required=True, help="PEM file")
    options = parser.parse_args()
    proof = json.loads(options.proof.read_text(encoding="utf-8"))
    if proof["form"] != "kontor-proof-1":
        parser.error("this is no proof that this program can read")
    problems = verified(proof, key_of(options.public_key.read_text(encoding="ascii")))
    for problem in problems:
        sys.stdout.write(problem + "\n")
    subject = proof["subject"]
    times = sorted(body["time"] for body in map(json.loads, (seal["body"] for seal in proof["seals"])))
    sys.stdout.write(
        f"{subject['kind']} {subject['id']}: {len(proof['entries'])} entries, sealed from {times[0]} to {times[-1]}\n"
        if times
        else f"{subject['kind']} {subject['id']}: nothing is sealed\n"
    )
    sys.stdout.write(f"{len(problems)} problems\n" if problems else "verified\n")
    return 1 if problems else 0


# ---- what is verified


def verified(proof: Any, key: str) -> list[str]:
    """Return what is wrong, in words."""
    seals, problems = verified_seals(proof["seals"], key)
    chains: dict[str, list[Entry]] = {}
    for entry in proof["entries"]:
        chains.setdefault(entry["kind"], []).append(entry)
    until = {
        kind[len("erasure:") :]: max(change["target"] for entry in chain for change in entry["changes"])
        for kind, chain in chains.items()
        if kind.startswith("erasure:")
    }
    for kind, chain in chains.items():
        previous = ZEROS
        for number, entry in enumerate(sorted(chain, key=lambda entry: entry["sequence"]), 1):
            place = f"{kind} {entry['subjectId']}, entry {entry['sequence']}: "
            if entry["subjectId"] != proof["subject"]["id"] or entry["sequence"] != number:
                problems.append(place + "entries are missing, or those of another subject")
            problems += [place + problem for problem in wrong_in(entry, previous, until.get(kind, 0))]
            problems += [place + problem for problem in wrong_in_seal(entry, seals)]
            previous = entry["hash"]
    for found in proof["documents"]:
        problems += wrong_in_document(found, chains.get(found["kind"], []))
    return problems


def wrong_in(entry: Entry, previous: str, erased_until: int) -> Iterator[str]:
    """Yield what is wrong with an entry by itself, and after the one with the hash `previous`."""
    paths, values = entry["commitments"][:64], entry["commitments"][64:128]
    if hashed(b"kontor-paths-1\n", canonical([change["path"] for change in entry["changes"]])) != paths:
        yield "its paths are not those that it was written with"
    if entry["salt"] is None:
        if entry["comment"] is not None or any(
            change[side] is not None for change in entry["changes"] for side in ("original", "target")
        ):
            yield "it has values, and no salt to verify them"
        if entry["sequence"] > erased_until:
            yield "its values are gone, and no entry says that they were erased"
    else:
        salt = bytes.fromhex(entry["salt"])
        said = canonical([entry["changes"], entry["comment"]])
        if hashed(b"kontor-values-1\n", salt, said) != values:
            yield "its values are not those that it was written with"
    lines = [
        *(entry["kind"], entry["subjectId"], entry["sequence"], microseconds(entry["recordedAt"])),
        *(entry["initiatorMember"], entry["initiatorContact"], entry["initiatorApplication"]),
        *(entry["changeRequest"], entry["correlationId"], entry["initiatorSystem"]),
    ]
    head = "\n".join("" if line is None else str(line) for line in lines).encode()
    committed = bytes.fromhex(entry["commitments"])
    if hashed(b"kontor-entry-1\n", bytes.fromhex(previous), committed, head) != entry["hash"]:
        yield "its hash is wrong: who, when or what was changed, or the entry before it"


def wrong_in_seal(entry: Entry, seals: Seals) -> Iterator[str]:
    """Yield what is wrong with the place of an entry in its seal."""
    if entry["seal"] is None:
        yield "it is not sealed yet"
        return
    seal = seals.get(entry["seal"])
    if seal is None:
        yield f"its seal {entry['seal']} is missing or not authentic"
        return
    line = f"{entry['position']} {entry['kind']} {entry['subjectId']} {entry['sequence']} {entry['hash']}"
    node = hashed(b"\x00", line.encode())
    index, size = entry["position"] - seal["first"], seal["last"] - seal["first"] + 1
    path = list(entry["path"])
    while size > 1:
        if index ^ 1 < size:
            if not path:
                break
            pair = (path.pop(0), node) if index & 1 else (node, path.pop(0))
            node = hashed(b"\x01", *map(bytes.fromhex, pair))
        index, size = index >> 1, (size + 1) >> 1
    if not 0 <= index < size or path or node != seal["root"]:
        yield f"it is not what seal {entry['seal']} has at its place"


def wrong_in_document(found: Any, chain: list[Entry]) -> list[str]:
    last = max(chain, key=lambda entry: entry["sequence"], default=None)
    place = f"{found['kind']}, the present document: "
    if last is None or last["sequence"] != found["version"]:
        return [place + "its version is not that of the last entry"]
    if last["salt"] is None:
        return [place + "there is no salt to verify it"]
    made = hashed(b"kontor-document-1\n", bytes.fromhex(last["salt"]), canonical(found["document"]))
    return [] if made == last["commitments"][128:] else [place + "it is not the one that the last entry left"]


def verified_seals(seals: Any, key: str) -> tuple[Seals, list[str]]:
    """Return the authentic seals by number, and what is wrong with others."""
    trusted, problems = {key}, []
    found: Seals = {}
    for seal in sorted(seals, key=lambda seal: json.loads(seal["body"])["number"]):
        body = json.loads(seal["body"])
        if body["form"] != "kontor-seal-1" or body["key"] not in trusted:
            problems.append(f"seal {body['number']}: its key is neither the given one nor introduced by it")
        elif not is_signed(seal["body"].encode(), base64.b64decode(seal["signature"]), base64.b64decode(body["key"])):
            problems.append(f"seal {body['number']}: its signature is wrong")
        else:
            found[body["number"]] = body
            if body["nextKey"]:
                trusted.add(body["nextKey"])
    return found, problems


# ---- the forms of docs/proof.md


def hashed(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def canonical(value: Any) -> bytes:
    return written(value).encode()


def written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return number(float(value))
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return "{" + ",".join(f"{written(key)}:{written(value[key])}" for key in sorted(value)) + "}"


def number(value: float) -> str:
    """Return a double as ECMAScript writes it."""
    if not math.isfinite(value):
        raise ValueError("JSON has no such number")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)
    if point > 21 or point <= -6:
        text = text[0] + ("." + text[1:] if text[1:] else "") + f"e{point - 1:+d}"
    elif point <= 0:
        text = "0." + "0" * -point + text
    elif point < len(text):
        text = text[:point] + "." + text[point:]
    else:
        text = text.ljust(point, "0")
    return "-" * sign + text


def microseconds(moment: str) -> int:
    """Return the microseconds from 1970 to a time such as 2026-11-28T10:31:37.000123Z."""
    whole, fraction = moment.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 1_000_000 + int(fraction.ljust(6, "0"))


# ---- signatures


def key_of(pem: str) -> str:
    """Return the key in a PEM file as seals name it."""
    der = base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))
    if not der.startswith(ED25519):
        raise SystemExit("The public key is not an Ed25519 key.")
    return base64.b64encode(der[len(ED25519) :]).decode()


def is_signed(body: bytes, signature: bytes, key: bytes) -> bool:
    try:
        ed25519 = importlib.import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
        invalid = importlib.import_module("cryptography.exceptions").InvalidSignature
    except ImportError:
        return is_signed_by_openssl(body, signature, key)
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, body)
    except invalid:
        return False
    return True


def is_signed_by_openssl(body: bytes, signature: bytes, key: bytes) -> bool:
    with tempfile.TemporaryDirectory() as directory:
        files = {"key": ED25519 + key, "body": body, "signature": signature}
        for name, content in files.items():
            Path(directory, name).write_bytes(content)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key"]
        command += ["-rawin", "-in", "body", "-sigfile", "signature"]
        done = subprocess.run(command, cwd=directory, capture_output=True, check=False)  # noqa: S603 - a constant
        if done.returncode and b"Verified" not in done.stdout and b"Verification Failure" not in done.stdout:
            raise SystemExit(f"openssl cannot verify: {done.stderr.decode(errors='replace')}")
        return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
