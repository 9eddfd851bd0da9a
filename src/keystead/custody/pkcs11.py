"""A root of trust in an HSM: a non-extractable AES key in a PKCS#11 token.

The key wraps keys of one use, under which what is wrapped is sealed (`ways`).  What a token gives is opened again
before it is believed.

Audit checkpoints are signed by a software key of Ed25519 that the token's key wraps: few tokens have Ed25519, none lets
a key be carried to another root, and whoever verifies the audit holds on to one public key.

A call that takes too long, or a token that is gone, is an error each time; nothing stands in for the token.  When it is
back, the next call opens it again (`connection`), with all checks.

Source: PKCS#11 3.0.
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, TokenFlag
from pkcs11.exceptions import (
    AttributeTypeInvalid,
    AttributeValueInvalid,
    DeviceError,
    MechanismInvalid,
    PKCS11Error,
    TemplateInconsistent,
)

from keystead.custody.connection import CALL_SECONDS, OPEN_SECONDS, NoSession, Token, connect, read_pin
from keystead.custody.rootfile import FORMAT, NEXT_FILE, ROOT_FILE, bound, data, read_head, text, write_head
from keystead.custody.software import verify
from keystead.custody.ways import BY_NUMBER, KEY_BYTES, NEEDED, TEMPLATE, TRUSTED, WAYS, Way, destroyed, refusal
from keystead.errors import CustodyError, OperationFailed, TamperError
from keystead.kmip.enums import ResultReason

log = logging.getLogger("keystead.custody")

T = TypeVar("T")

LOOK_SECONDS: Final = 5.0
"""How often a token is looked after that nobody asks for anything."""
KEY_BITS: Final = 8 * KEY_BYTES
_NO_NONCE: Final = bytes(12)
_SEALED: Final = "the root of trust is sealed"
_DAMAGED: Final = "root.json is damaged"
_ALTERED: Final = "a wrapped key is not what this root of trust wrapped"
_WRONG_KEY: Final = (
    "the token does not open what its key wrapped: the key under this label is another one, or root.json is damaged"
)


class PKCS11Root:
    """A key in a token.  See `keystead.custody.RootOfTrust`."""

    def __init__(self, token: Token, pin: bytes, directory: Path) -> None:
        self._token = token
        self._directory = directory
        self._connection = connect(token, pin, directory)
        self._serial = 0
        self._key: Any = None
        self._way: Way = WAYS[0]
        self._head: dict[str, Any] = {}
        self._check = b""
        self._signing: Ed25519PrivateKey | None = None
        self._sealed = False
        self._last_random = b""
        self._looking: Future[None] | None = None
        self._looked_at = 0.0

    def __repr__(self) -> str:
        return f"<PKCS11Root {self.name}{' sealed' if self.sealed else ''}>"

    @classmethod
    def create(
        cls,
        directory: Path,
        token: Token,
        pin: bytes,
        signing: bytes | None = None,
        file: str = ROOT_FILE,
        *,
        another: bool = False,
    ) -> PKCS11Root:
        """Make the key in the token, or take the one under its label, and write `root.json`.

        Args:
            signing: the seed of the signing key of the root before this one.
            file: another name, for a successor.
            another: make one under the next label that is free.

        Raises:
            CustodyError: there is a root here already; the token is out of reach; its key is not as it must be.
        """
        root = cls(token, pin, directory)
        try:
            label = root._connection.call(lambda session: root._make(session, token.key, another), OPEN_SECONDS)
            head = {
                "version": FORMAT,
                "kind": "pkcs11",
                "identifier": str(uuid.uuid4()),
                "token": token.token,
                "key": label,
                "check": root._connection.call(lambda _: root._check_value()),
                "mechanism": root._way.name,
            }
            seed = signing or root.random(KEY_BYTES)
            root._signing = Ed25519PrivateKey.from_private_bytes(seed)
            head["public_key"] = text(root._signing.public_key().public_bytes_raw())
            sealed = root._connection.call(lambda session: root._wrap(session, seed, bound(head)))
            root._head, root._check = head, sealed
            write_head(directory, file, {**head, "sealed_key": text(sealed)}, replace=False)
        except BaseException:
            root.close()
            raise
        return root

    @classmethod
    def open(cls, directory: Path, token: Token, pin: bytes, file: str = ROOT_FILE) -> PKCS11Root:
        """Open the root in a directory: log in, find the key and check it.

        `root.json` says which key it is, and is believed once that key opens what is sealed in it.

        Raises:
            OutOfReach: the token does not answer or is not there.
            CustodyError: the PIN is wrong, or the key is not the one that it must be.
        """
        root = cls(token, pin, directory)
        try:
            try:
                head = read_head(directory, file)
                root._check = data(head.pop("sealed_key"))
                root._head = head
                if head["kind"] != "pkcs11" or head["token"] != token.token:
                    raise CustodyError("root.json is of another token")
                if not all(isinstance(head[name], str) for name in ("identifier", "key", "check", "mechanism")):
                    raise CustodyError(_DAMAGED)
                public = data(head["public_key"])
            except (ValueError, KeyError, TypeError, RecursionError):
                raise CustodyError(_DAMAGED) from None
            seed = root._connection.call(root._take, OPEN_SECONDS)
            root._signing = Ed25519PrivateKey.from_private_bytes(seed)
            if root._signing.public_key().public_bytes_raw() != public:
                raise CustodyError(_DAMAGED)
        except BaseException:
            root.close()
            raise
        return root

    # --- the protocol ---

    @property
    def name(self) -> str:
        return f"pkcs11 {self._token.token}/{self._head.get('key', self._token.key)} {self.identifier}"

    @property
    def identifier(self) -> str:
        return str(self._head.get("identifier", ""))

    @property
    def public_key(self) -> bytes:
        return data(self._head["public_key"])

    @property
    def sealed(self) -> bool:
        return self._sealed

    @property
    def lost(self) -> bool:
        if self._sealed or self._connection.foreign:
            return False
        hangs = self._looking is not None and not self._looking.done()
        return self._connection.lost is not None or (hangs and time.monotonic() - self._looked_at > CALL_SECONDS)

    def wrap(self, plaintext: bytes, context: bytes) -> bytes:
        return self._reached(lambda session: self._wrap(session, plaintext, context))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        found = self._reached(lambda session: self._unwrap(session, wrapped, context))
        if found is None:
            raise TamperError(_ALTERED)
        return found

    def sign(self, data: bytes) -> bytes:
        if self._signing is None:
            raise CustodyError(_SEALED)
        return self._signing.sign(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        return verify(self.public_key, data, signature)

    def random(self, number: int) -> bytes:
        """Random bytes: the token's and the system's, so that neither alone decides them.

        Raises:
            CustodyError: what the token gives is not random.
        """
        own = os.urandom(number)
        drawn = self._reached(lambda session: self._draw(session, number))
        return bytes(a ^ b for a, b in zip(drawn, own, strict=False)) if drawn else own

    def testament(self) -> bytes:
        return json.dumps(
            {
                "kind": "pkcs11",
                "identifier": self.identifier,
                "module": str(self._token.module),
                "token": self._token.token,
                "pin_file": str(self._token.pin_file) if self._token.pin_file else None,
                "pin": text(self._connection.pin),
            }
        ).encode()

    def signing_key(self) -> bytes:
        if self._signing is None:
            raise CustodyError(_SEALED)
        return self._signing.private_bytes_raw()

    def look(self) -> None:
        if self._sealed or self._connection.foreign or not (self._looking is None or self._looking.done()):
            return
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._looking = self._connection.begin(self._with_key(self._test))

    def seal(self) -> None:
        if not self._sealed:
            self._sealed = True
            self._signing = self._key = None
            self._connection.release()

    def close(self) -> None:
        self.seal()

    # --- in whichever thread asks ---

    def _reached(self, work: Callable[[Any], T]) -> T:
        """Do work with the key.

        Raises:
            OutOfReach: the token is.
            OperationFailed: Server Limit Exceeded, if it has no session left.
        """
        if self._sealed:
            raise CustodyError(_SEALED)
        if self._connection.foreign:  # Source: PKCS#11 3.0 section 5.4: a child initializes the library for itself
            self._connection = connect(self._token, self._connection.pin, self._directory)
            self._serial = 0

        seconds = CALL_SECONDS if self._connection.serial else OPEN_SECONDS
        try:
            return self._connection.call(self._with_key(work), seconds)
        except NoSession as error:
            raise OperationFailed(ResultReason.SERVER_LIMIT_EXCEEDED, str(error)) from None

    def _with_key(self, work: Callable[[Any], T]) -> Callable[[Any], T]:
        def with_key(session: Any) -> T:
            if self._serial != self._connection.serial:
                self._take(session)
            return work(session)

        return with_key

    # --- in the thread of the module ---

    def _make(self, session: Any, label: str, another: bool) -> str:
        """See to it that the token has the key; its label."""
        if another:
            while _found(session, label := _next_label(label)):
                pass
        if not (found := _found(session, label)):
            self._test_random(session)
            self._way = _choose(session)
            for more in (TRUSTED, {}):
                try:
                    session.generate_key(
                        KeyType.AES,
                        KEY_BITS,
                        label=label,
                        store=True,
                        capabilities=self._way.capabilities,
                        template={**TEMPLATE, **more},
                    )
                    break
                except (AttributeTypeInvalid, AttributeValueInvalid, TemplateInconsistent):
                    if not more:
                        raise
            self._key = _only(session, label)
        else:
            self._key = _only(session, label)
            self._way = _choose(session, found[0])
        self._serial = self._connection.serial
        return label

    def _take(self, session: Any) -> bytes:
        """Find the key and check it; the seed that only the right key opens."""
        if not self._head:
            raise CustodyError("the token was lost while the key was made: try again")
        self._key = _only(session, self._head["key"])
        check = self._head["check"]
        if check and self._check_value() not in (check, ""):
            raise CustodyError(_WRONG_KEY)
        self._test_random(session)
        self._way = next((way for way in WAYS if way.name == self._head["mechanism"]), WAYS[0])
        seed = self._try(session, self._check, bound(self._head)) or self._try(session, self._check, bound(self._head))
        if seed is None or len(seed) != KEY_BYTES:
            raise CustodyError(_WRONG_KEY)
        self._serial = self._connection.serial
        return seed

    def _check_value(self) -> str:
        """The token's own check value of the key; "" if it has none."""
        try:
            return str(self._key[Attribute.CHECK_VALUE].hex())
        except PKCS11Error:
            return ""

    def _test(self, session: Any) -> None:
        """See that the key is there and does what it must."""
        if self._try(session, self._check, bound(self._head)) is None:
            raise DeviceError

    def _test_random(self, session: Any) -> None:
        """Let a token make no key, and give none, while its random numbers are not."""
        for _ in range(2):
            self._draw(session, KEY_BYTES)

    def _draw(self, session: Any, number: int) -> bytes:
        """Random bytes of the token, tested; none if it makes none."""
        if not session.token.flags & TokenFlag.RNG:
            return b""
        drawn: bytes = session.generate_random(8 * max(number, KEY_BYTES))
        check_random(drawn, self._last_random)
        self._last_random = drawn[:KEY_BYTES]
        return drawn

    def _wrap(self, session: Any, plaintext: bytes, context: bytes) -> bytes:
        once = os.urandom(KEY_BYTES)
        wrapped = self._way.wrap(self._key, session, once)
        sealed = AESGCMSIV(once).encrypt(_NO_NONCE, plaintext, context)
        whole = bytes((self._way.number, len(wrapped))) + wrapped + sealed
        if self._try(session, whole, context) != plaintext:
            raise CustodyError("the token does not give back what it wrapped")
        return whole

    def _unwrap(self, session: Any, wrapped: bytes, context: bytes) -> bytes | None:
        """What was wrapped; None if it was not wrapped here, or altered.  Many tokens say the same if they fail."""
        found = self._try(session, wrapped, context)
        if found is None:
            self._test(session)
            found = self._try(session, wrapped, context)
        return found

    def _try(self, session: Any, wrapped: bytes, context: bytes) -> bytes | None:
        way = BY_NUMBER.get(wrapped[0]) if len(wrapped) > 2 else None
        if way is None:
            return None
        end = 2 + wrapped[1]
        try:
            once = way.unwrap(self._key, session, wrapped[2:end])
            return AESGCMSIV(once).decrypt(_NO_NONCE, wrapped[end:], context)
        except (PKCS11Error, InvalidTag, ValueError):
            return None


def _found(session: Any, label: str) -> list[Any]:
    return list(session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label}))


def _only(session: Any, label: str) -> Any:
    """The one key under a label, as it must be."""
    found = _found(session, label)
    if len(found) != 1:
        fault = "there is no key" if not found else "there are several keys"
        raise CustodyError(f"the token is refused: {fault} under the label {label}")
    if (why := refusal(found[0])) is not None:
        raise CustodyError(f"the key {label} in the token is refused: {why}")
    return found[0]


def _next_label(label: str) -> str:
    """keystead → keystead-2 → keystead-3."""
    stem, _, number = label.rpartition("-")
    return f"{stem}-{int(number) + 1}" if stem and number.isdigit() else f"{label}-2"


def _choose(session: Any, key: Any = None) -> Way:
    """The first way that works here: what a token lists, and what it can do, are not the same.

    Args:
        key: what it is to work with; without one, keys made for the trial alone.
    """
    for way in WAYS:
        if _works(session, way, key):
            return way
    raise CustodyError(f"the token has none of {', '.join(way.name for way in WAYS)}")


def _works(session: Any, way: Way, key: Any = None) -> bool:
    once = os.urandom(KEY_BYTES)
    try:
        session.token.slot.get_mechanism_info(way.mechanism)
        if key is not None:
            return way.unwrap(key, session, way.wrap(key, session, once)) == once
        tried = session.generate_key(KeyType.AES, KEY_BITS, capabilities=way.capabilities, template=dict(TEMPLATE))
        with destroyed(tried):
            return way.unwrap(tried, session, way.wrap(tried, session, once)) == once
    except MechanismInvalid:
        return False
    except (PKCS11Error, ValueError) as error:
        log.info("the token lists what it cannot do", extra={"fields": {"way": way.name, "said": type(error).__name__}})
        return False


def examine(token: Token, pin: bytes, notes: Path) -> dict[str, list[str]]:
    """What a root needs of a token → what the token has of it, tried with keys that live in a session only.

    Raises:
        OutOfReach: it does not answer or is not there.
        CustodyError: the PIN is wrong.
    """

    def look(session: Any) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {need: [] for need in NEEDED}
        found["a key that stays"] = []
        for way in WAYS:
            if _works(session, way):
                found["make the key"] = [Mechanism.AES_KEY_GEN.name]
                found["wrap with it"].append(way.name)
        with suppress(PKCS11Error):
            template = {**TEMPLATE, Attribute.TOKEN: False}
            with destroyed(session.generate_key(KeyType.AES, KEY_BITS, template=template)) as tried:
                why = refusal(tried, Attribute.TOKEN, Attribute.WRAP_WITH_TRUSTED)
                found["a key that stays"] = [] if why else ["sensitive, not extractable, made in the token"]
        own = session.token.flags & TokenFlag.RNG
        found["random numbers"] = ["the token's and the system's" if own else "the system's"]
        return found

    held = connect(token, pin, notes)
    try:
        return held.call(look, OPEN_SECONDS)
    finally:
        held.release()


def check_random(drawn: bytes, before: bytes = b"") -> None:
    """Stop if random bytes are plainly not random.

    The repetition count test for bytes, at a chance of less than 2^-30 for a false alarm, and a comparison with the
    draw before: a generator that is stuck gives the same again.

    Raises:
        CustodyError: they repeat.

    Source: SP 800-90B section 4.4.1.
    """
    run = longest = 1
    for one, next_one in pairwise(drawn):
        run = run + 1 if one == next_one else 1
        longest = max(longest, run)
    stuck = len(drawn) >= 5 and longest >= 5
    halves = len(drawn) >= 32 and drawn[: len(drawn) // 2] == drawn[len(drawn) // 2 : len(drawn) // 2 * 2]
    if stuck or halves or (before and drawn[: len(before)] == before):
        log.critical("the token's random numbers are not random")
        raise CustodyError("the token's random numbers are not random: no key is made of them")


def from_testament(found: Mapping[str, Any], directory: Path) -> PKCS11Root:
    """The root that a successor's testament names.  Raises: CustodyError."""
    pin_file = Path(found["pin_file"]) if found["pin_file"] else None
    token = Token(Path(found["module"]), found["token"], pin_file=pin_file)
    file = next((file for file in (ROOT_FILE, NEXT_FILE) if _identifier(directory, file) == found["identifier"]), None)
    if file is None:
        raise CustodyError("the successor of the root of trust is not here")
    return PKCS11Root.open(directory, token, data(found["pin"]), file)


def _identifier(directory: Path, file: str) -> Any:
    try:
        return read_head(directory, file).get("identifier")
    except (CustodyError, ValueError):
        return None


__all__ = ["PKCS11Root", "Token", "check_random", "examine", "from_testament", "read_pin"]
