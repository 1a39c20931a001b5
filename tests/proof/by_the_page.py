"""A second verifier of exports, from the words of docs/proof.md alone, with the standard library and openssl."""

import json
import subprocess
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def text_of(value: Any) -> str:
    """Canonical form."""
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return number_of(float(value))
        case list():
            return f"[{','.join(text_of(item) for item in value)}]"
    return f"{{{','.join(f'{text_of(key)}:{text_of(value[key])}' for key in sorted(value))}}}"


def number_of(value: float) -> str:
    """Numbers: the shortest digits d with 0.d x 10^n, written as the page's table says."""
    if value == 0:
        return "0"
    mantissa, _e, exponent = f"{abs(value)!r}".partition("e")
    whole, _point, fraction = mantissa.partition(".")
    n = len(whole) + int(exponent or 0)
    digits = whole + fraction
    n -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= n <= 21:
        return sign + digits + "0" * (n - len(digits))
    if 0 < n <= 21:
        return sign + digits[:n] + "." + digits[n:]
    if -6 < n <= 0:
        return sign + "0." + "0" * -n + digits
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if n > 0 else '-'}{abs(n - 1)}"


def digest(tag: str, *parts: bytes) -> bytes:
    return sha256(tag.encode() + b"\n" + b"".join(parts)).digest()


def is_signed(body: str, signature: str, public_key: str) -> bool:
    with TemporaryDirectory() as folder:
        Path(folder, "key").write_text(public_key)
        Path(folder, "body").write_text(body)
        Path(folder, "signature").write_bytes(b64decode(signature))
        command = "openssl pkeyutl -verify -pubin -inkey key -rawin -in body -sigfile signature"
        return subprocess.run(command.split(), cwd=folder, capture_output=True, check=False).returncode == 0


def climbs_to(body: dict[str, Any], entry: dict[str, Any], leaf: bytes) -> bool:
    """Merkle tree: from the leaf up, taking a node of the path wherever there is a neighbour."""
    index, width = entry["position"] - body["first"], body["last"] - body["first"] + 1
    node, path = sha256(b"\x00" + leaf).digest(), [bytes.fromhex(each) for each in entry["path"]]
    while width > 1 and path:
        if index % 2:
            node = sha256(b"\x01" + path.pop(0) + node).digest()
        elif index + 1 < width:
            node = sha256(b"\x01" + node + path.pop(0)).digest()
        index, width = index // 2, (width + 1) // 2
    return not path and width == 1 and node.hex() == body["root"]


def faults_of(proof: dict[str, Any], public_key: str) -> list[str]:
    """Return what does not fit; the key of the seals is one and the same."""
    found = []
    bodies = {}
    for seal in proof["seals"]:
        if is_signed(seal["body"], seal["signature"], public_key):
            body = json.loads(seal["body"])
            bodies[body["number"]] = body
    erased = {entry["kind"]: entry["changes"][0]["target"] for entry in proof["entries"]}
    ends: dict[str, dict[str, Any]] = {}
    for entry in proof["entries"]:
        before = ends.get(entry["kind"])
        if entry["sequence"] != (before["sequence"] if before else 0) + 1:
            found.append("sequence")
        previous = bytes.fromhex(before["hash"]) if before else bytes(32)
        ends[entry["kind"]] = entry
        found += faults_in(entry, previous, erased)
        line = f"{entry['position']} {entry['kind']} {entry['subjectId']} {entry['sequence']} {entry['hash']}"
        if entry["seal"] not in bodies or not climbs_to(bodies[entry["seal"]], entry, line.encode()):
            found.append("seal")
    for document in proof["documents"]:
        last = ends[document["kind"]]
        made = digest("kontor-document-1", bytes.fromhex(last["salt"] or ""), text_of(document["document"]).encode())
        if last["sequence"] != document["version"] or made.hex() != last["commitments"][128:]:
            found.append("document")
    return found


def faults_in(entry: dict[str, Any], previous: bytes, erased: dict[str, Any]) -> list[str]:
    found = []
    commitments = bytes.fromhex(entry["commitments"])
    paths = text_of([change["path"] for change in entry["changes"]])
    if digest("kontor-paths-1", paths.encode()) != commitments[:32]:
        found.append("paths")
    if entry["salt"]:
        values = text_of([entry["changes"], entry["comment"]]).encode()
        if digest("kontor-values-1", bytes.fromhex(entry["salt"]), values) != commitments[32:64]:
            found.append("values")
    elif erased.get("erasure:" + entry["kind"], 0) < entry["sequence"]:
        found.append("erased")
    since = datetime.fromisoformat(entry["recordedAt"]) - datetime(1970, 1, 1, tzinfo=UTC)
    names = (
        "kind subjectId sequence - initiatorMember initiatorContact initiatorApplication changeRequest correlationId"
    )
    values = [since // timedelta(microseconds=1) if name == "-" else entry[name] for name in names.split()]
    head = "\n".join("" if value is None else str(value) for value in [*values, entry["initiatorSystem"]])
    if digest("kontor-entry-1", previous, commitments, head.encode()).hex() != entry["hash"]:
        found.append("hash")
    return found
