"""No key is in memory that need not be there: once it was used, once it was destroyed, once the server is sealed (M11).

The real server runs as it would in service.  The needles are hashes, and the scanner is in another process.
"""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import ModuleType

from keystead.kmip.enums import BlockCipherMode, CryptographicUsageMask, ObjectType, RevocationReasonCode
from keystead.kmip.payloads import Request, create, crypto, get, lifecycle
from keystead.kmip.structures import CryptographicParameters, RevocationReason
from tests.engine.keys import attributes, wrapped_by
from tests.torture.drill import Report, Skipped
from tests.torture.pairs import PAIRS
from tests.torture.servers import Server, Service, command
from tests.torture.tour import ECB, HMAC, Tour, travel

_M = CryptographicUsageMask
_MASK = _M.ENCRYPT | _M.DECRYPT | _M.MAC_GENERATE
_CBC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC)
MOST_STREAMS = 32
"""That are open at once, of each kind; a client may have 64."""


def scanner() -> ModuleType:
    """The scanner of KEYSTEAD_SHARED.  Raises: Skipped."""
    path = Path(os.environ.get("KEYSTEAD_SHARED", ""), "faults", "memscan.py")
    if not path.exists():
        raise Skipped("KEYSTEAD_SHARED does not name the folder with faults/memscan.py")
    if os.geteuid():
        raise Skipped("only root reads the memory of a process that may not be dumped")
    spec = importlib.util.spec_from_file_location("memscan", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Watch:
    """Looks for secrets in the memory of a server."""

    def __init__(self, server: Server, report: Report) -> None:
        self._memscan = scanner()
        self._server = server
        self._report = report

    def needles(self, secrets: Mapping[str, bytes]) -> dict[str, str]:
        """What to look for, by needle: each secret, and as OpenSSL keeps large numbers."""
        return {
            self._memscan.needle(spelling): what
            for what, secret in secrets.items()
            for spelling in (secret, secret[::-1])
        }

    def find(self, needles: Mapping[str, str]) -> list[str]:
        """The secrets that are there."""
        return [f"{copies} of {what}" for what, copies in self.count(needles).items()]

    def count(self, needles: Mapping[str, str]) -> Counter[str]:
        """How many copies of each secret are there."""
        found: Counter[str] = Counter()
        for pid in self._server.workers:
            self._report.counts["scans"] += len(needles)
            for needle, copies in self._memscan.scan(pid, list(needles)).items():
                if copies:
                    found[needles[needle]] += copies
        return found


def run(count: int, seed: int, directory: Path, report: Report) -> None:
    """Use and destroy so many keys."""
    scanner()
    server = Service(directory / "data")
    try:
        wire = server.connect("alice")
        tour, watch = Tour(wire.speak, Random(seed)), Watch(server, report)
        keys = [tour.key(_MASK) for _ in range(count)]
        needles = watch.needles(dict(tour.secrets))
        kept = tour.key(_M.WRAP_KEY | _M.UNWRAP_KEY)
        for what, use in _USES.items():
            for key in keys:
                use(tour, key, kept)
            found = watch.find(needles)
            report.check(not found, f"after {what}: {found[:5]}")
        private_keys(tour, watch, max(len(PAIRS), count // 10), report)
        in_parts(tour, watch, min(count, MOST_STREAMS), report)
        travel_quietly(tour)
        everything = watch.needles(tour.secrets)
        key_file = Path(server.facts["directory"], "custody", "root.key").read_bytes()
        everything |= watch.needles({"the key of the root": key_file})
        report.counts["secrets"] = len(tour.secrets)
        limits = Path(f"/proc/{server.pid}/limits").read_text()
        report.check("Max core file size        0                    0" in limits, "a core file may be written")
        wire.close()
        done = command("operator", "seal", "--config", server.facts["config"])
        report.check(b"is sealed" in done.stdout, f"operator seal: {done.stdout!r} {done.stderr!r}")
        found = watch.find(everything)
        report.check(not found, f"sealed: {found[:5]}")
    finally:
        server.close()


def private_keys(tour: Tour, watch: Watch, count: int, report: Report) -> None:
    """Use and destroy so many private keys.  Between, a server keeps them ready: the scan has to find them."""
    pairs = [PAIRS[number % len(PAIRS)](tour) for number in range(count)]
    needles = watch.needles({f"{pair.what}: {name}": value for pair in pairs for name, value in pair.secrets.items()})
    report.counts["private keys"] = count
    found = watch.find(needles)
    report.check(not found, f"private keys that were not used yet: {found[:5]}")
    for pair in pairs:
        tour.do(crypto.SignRequest(unique_identifier=pair.identifier, cryptographic_parameters=pair.how, data=bytes(9)))
    loaded = watch.count(needles)
    report.check(all(pair.seen(loaded) for pair in pairs), "the scan does not find private keys that are kept ready")
    _open(tour, [(pair.identifier, crypto.SignRequest, pair.how) for pair in pairs[:MOST_STREAMS]])
    for pair in pairs:
        _destroy(tour, pair.identifier, "")
    found = watch.find(needles)
    report.check(not found, f"private keys that were destroyed: {found[:5]}")


def in_parts(tour: Tour, watch: Watch, count: int, report: Report) -> None:
    """Destroy so many symmetric keys with which something has been begun and is not ended."""
    before = set(tour.secrets)
    keys = [tour.key(_MASK) for _ in range(count)]
    needles = watch.needles({what: secret for what, secret in tour.secrets.items() if what not in before})
    _open(tour, [(key, crypto.EncryptRequest, _CBC) for key in keys])
    report.check(len(watch.count(needles)) == count, "the scan does not find keys that are in use")
    for key in keys:
        _destroy(tour, key, "")
    found = watch.find(needles)
    report.check(not found, f"keys that were destroyed while in use: {found[:5]}")


def _open(tour: Tour, uses: Sequence[tuple[str, Callable[..., Request], CryptographicParameters | None]]) -> None:
    """Begin operations in parts."""
    for key, operation, how in uses:
        request = operation(unique_identifier=key, cryptographic_parameters=how, data=bytes(16), init_indicator=True)
        assert tour.do(request).correlation_value is not None


def travel_quietly(tour: Tour) -> None:
    """Go on the tour; an ordinary server leaves out what only test servers do."""
    try:
        travel(tour)
    except AssertionError as error:
        if "Interop" not in str(error):
            raise


# --- what is done to a key --------------------------------------------------------------------------------------------


def _encrypt(tour: Tour, key: str, _: str) -> None:
    tour.do(crypto.EncryptRequest(unique_identifier=key, cryptographic_parameters=ECB, data=bytes(32)))


def _mac(tour: Tour, key: str, _: str) -> None:
    tour.do(crypto.MACRequest(unique_identifier=key, cryptographic_parameters=HMAC, data=bytes(32)))


def _get(tour: Tour, key: str, _: str) -> None:
    tour.do(get.GetRequest(unique_identifier=key))


def _wrap(tour: Tour, key: str, wrapping: str) -> None:
    """Get it wrapped, and bring it back as another object, which is destroyed."""
    wrapped = tour.do(get.GetRequest(unique_identifier=key, key_wrapping_specification=wrapped_by(wrapping))).object
    asked = attributes(cryptographic_usage_mask=_MASK)
    request = create.RegisterRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked, object=wrapped)
    tour.do(lifecycle.DestroyRequest(unique_identifier=tour.do(request).unique_identifier))


def _destroy(tour: Tour, key: str, _: str) -> None:
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    tour.do(lifecycle.RevokeRequest(unique_identifier=key, revocation_reason=reason))
    tour.do(lifecycle.DestroyRequest(unique_identifier=key))


_USES: Mapping[str, Callable[[Tour, str, str], None]] = {
    "Register": lambda *_: None,
    "Encrypt": _encrypt,
    "MAC": _mac,
    "Get": _get,
    "wrapping and unwrapping": _wrap,
    "Destroy": _destroy,
}
