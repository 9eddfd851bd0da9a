"""How a key in a PKCS#11 token wraps: the mechanisms, and what the key must be.

AES key wrap binds no context, so it wraps a key of one use, under which AES-256-GCM-SIV seals what is wrapped, bound to
its context.

Source: PKCS#11 3.0; SP 800-38D (GCM); RFC 3394 and RFC 5649 (key wrap); RFC 8452 (GCM-SIV).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import PKCS11Error

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_NO_NONCE: Final = bytes(_NONCE_BYTES)


def _gcm_wrap(key: Any, session: Any, plaintext: bytes, context: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    parameters = GCMParams(nonce, context, 128)
    sealed: bytes = key.encrypt(plaintext, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
    return nonce + sealed


def _gcm_unwrap(key: Any, session: Any, wrapped: bytes, context: bytes) -> bytes:
    parameters = GCMParams(wrapped[:_NONCE_BYTES], context, 128)
    found: bytes = key.decrypt(wrapped[_NONCE_BYTES:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
    return found


_PLAIN: Final = {Attribute.TOKEN: False, Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}


def _kw(mechanism: Mechanism) -> tuple[Callable[..., bytes], Callable[..., bytes]]:
    def wrap(key: Any, session: Any, plaintext: bytes, context: bytes) -> bytes:
        once = os.urandom(_KEY_BYTES)
        template = {
            **_PLAIN,
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.VALUE: once,
        }
        with _destroyed(session.create_object(template)) as target:
            wrapped: bytes = key.wrap_key(target, mechanism=mechanism)
        return bytes((len(wrapped),)) + wrapped + AESGCMSIV(once).encrypt(_NO_NONCE, plaintext, context)

    def unwrap(key: Any, session: Any, wrapped: bytes, context: bytes) -> bytes:
        end = 1 + wrapped[0]
        # As an AES key: an object of no certain length is not one that every token unwraps.
        target = key.unwrap_key(
            ObjectClass.SECRET_KEY,
            KeyType.AES,
            wrapped[1:end],
            mechanism=mechanism,
            store=False,
            template={Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True},
        )
        with _destroyed(target):
            once = target[Attribute.VALUE]
        return AESGCMSIV(once).decrypt(_NO_NONCE, wrapped[end:], context)

    return wrap, unwrap


class _destroyed:
    """A session object that does not outlive its use."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __enter__(self) -> Any:
        return self._target

    def __exit__(self, *_: object) -> None:
        with suppress(PKCS11Error):
            self._target.destroy()


@dataclass(frozen=True, slots=True)
class Way:
    """A way to wrap.

    Attributes:
        number: before what was wrapped, so that it is opened in the same way on a token that has others too.
        flags: what the token's mechanism must be good for.
    """

    name: str
    number: int
    mechanism: Mechanism
    flags: MechanismFlag
    wrap: Callable[..., bytes]
    unwrap: Callable[..., bytes]


ENCRYPTS: Final = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT
WRAPS: Final = MechanismFlag.WRAP | MechanismFlag.UNWRAP
WAYS: Final = (
    Way("AES-GCM", 1, Mechanism.AES_GCM, ENCRYPTS, _gcm_wrap, _gcm_unwrap),
    Way("AES key wrap with padding", 2, Mechanism.AES_KEY_WRAP_KWP, WRAPS, *_kw(Mechanism.AES_KEY_WRAP_KWP)),
    Way("AES key wrap", 3, Mechanism.AES_KEY_WRAP, WRAPS, *_kw(Mechanism.AES_KEY_WRAP)),
)
"""What a token must have one of, the best first; which of them it truly has is found out by using them."""
NEEDED: Final[Mapping[str, tuple[Mechanism, ...]]] = {
    "make the key": (Mechanism.AES_KEY_GEN,),
    "wrap with it": tuple(way.mechanism for way in WAYS),
}
"""The mechanisms that a token needs: of each row, one."""
BY_NUMBER: Final = {way.number: way for way in WAYS}

REQUIRED: Final = (
    (Attribute.SENSITIVE, True),
    (Attribute.ALWAYS_SENSITIVE, True),
    (Attribute.EXTRACTABLE, False),
    (Attribute.NEVER_EXTRACTABLE, True),
    (Attribute.LOCAL, True),
    (Attribute.TOKEN, True),
    (Attribute.PRIVATE, True),
    (Attribute.KEY_TYPE, KeyType.AES),
    (Attribute.VALUE_LEN, _KEY_BYTES),
)
"""What the key must be: made in the token, and never readable outside."""
