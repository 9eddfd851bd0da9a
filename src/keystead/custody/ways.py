"""What a PKCS#11 token must be able to do, and what the key in it must be.

The key wraps keys of one use, in one of several ways; under such a key, AES-256-GCM-SIV seals what is wrapped, bound to
its context.  So a token needs one mechanism only, and what it gives back is authenticated here: a token that errs is
found out.

Source: PKCS#11 3.0; SP 800-38D (GCM); RFC 3394 and RFC 5649 (key wrap); RFC 8452 (GCM-SIV).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import AttributeSensitive, AttributeTypeInvalid, FunctionFailed, PKCS11Error

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KW_CHECK: Final = b"\xa6" * 8


def _use(key: Any, what: str) -> Callable[..., Any]:
    # The library leaves out what the token did not say that a key can, or could not say just then.
    try:
        method: Callable[..., Any] = getattr(key, what)
    except AttributeError:
        raise FunctionFailed from None
    return method


def _gcm_wrap(key: Any, session: Any, once: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    parameters = GCMParams(nonce, None, 128)
    sealed: bytes = _use(key, "encrypt")(once, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
    return nonce + sealed


def _gcm_unwrap(key: Any, session: Any, wrapped: bytes) -> bytes:
    parameters = GCMParams(wrapped[:_NONCE_BYTES], None, 128)
    found: bytes = _use(key, "decrypt")(wrapped[_NONCE_BYTES:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
    return found


_PLAIN: Final = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}


def _kw(mechanism: Mechanism) -> tuple[Callable[..., bytes], Callable[..., bytes]]:
    def wrap(key: Any, session: Any, once: bytes) -> bytes:
        template = {
            **_PLAIN,
            Attribute.TOKEN: False,
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.VALUE: once,
        }
        with destroyed(session.create_object(template)) as target:
            wrapped: bytes = _use(key, "wrap_key")(target, mechanism=mechanism)
        return wrapped

    def unwrap(key: Any, session: Any, wrapped: bytes) -> bytes:
        # As an AES key: an object of no certain length is not one that every token unwraps.
        target = _use(key, "unwrap_key")(
            ObjectClass.SECRET_KEY, KeyType.AES, wrapped, mechanism=mechanism, store=False, template=_PLAIN
        )
        with destroyed(target):
            once: bytes = target[Attribute.VALUE]
        return once

    return wrap, unwrap


# For tokens that lead to others and carry no parameters, such as p11-kit's of old: one block at a time.
# Source: RFC 3394 section 2.2.


def _blocks_wrap(key: Any, session: Any, once: bytes) -> bytes:
    check, parts = _KW_CHECK, [once[at : at + 8] for at in range(0, KEY_BYTES, 8)]
    for step in range(1, 6 * len(parts) + 1):
        at = (step - 1) % len(parts)
        block = _use(key, "encrypt")(check + parts[at], mechanism=Mechanism.AES_ECB)
        check, parts[at] = _mixed(block, step), block[8:]
    return check + b"".join(parts)


def _blocks_unwrap(key: Any, session: Any, wrapped: bytes) -> bytes:
    if len(wrapped) != 8 + KEY_BYTES:
        raise ValueError("no key of one use")
    check, parts = wrapped[:8], [wrapped[at : at + 8] for at in range(8, len(wrapped), 8)]
    for step in range(6 * len(parts), 0, -1):
        at = (step - 1) % len(parts)
        block = _use(key, "decrypt")(_mixed(check, step) + parts[at], mechanism=Mechanism.AES_ECB)
        check, parts[at] = block[:8], block[8:]
    if check != _KW_CHECK:
        raise ValueError("not what was wrapped")
    return b"".join(parts)


def _mixed(check: bytes, step: int) -> bytes:
    return check[:7] + bytes((check[7] ^ step,))


@contextmanager
def destroyed(target: Any) -> Iterator[Any]:
    """Use a session object that does not outlive its use."""
    try:
        yield target
    finally:
        with suppress(PKCS11Error):
            target.destroy()


@dataclass(frozen=True, slots=True)
class Way:
    """A way to wrap.

    Attributes:
        number: before what was wrapped, so that it is opened in the same way on a token that has others too.
        capabilities: what the mechanism, and the key, must be good for; the key is made for nothing else.
        wrap, unwrap: of (key, session, key of one use).
    """

    name: str
    number: int
    mechanism: Mechanism
    capabilities: MechanismFlag
    wrap: Callable[[Any, Any, bytes], bytes]
    unwrap: Callable[[Any, Any, bytes], bytes]


_ENCRYPTS: Final = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT
_WRAPS: Final = MechanismFlag.WRAP | MechanismFlag.UNWRAP
WAYS: Final = (
    Way("AES-GCM", 1, Mechanism.AES_GCM, _ENCRYPTS, _gcm_wrap, _gcm_unwrap),
    Way("AES key wrap with padding", 2, Mechanism.AES_KEY_WRAP_KWP, _WRAPS, *_kw(Mechanism.AES_KEY_WRAP_KWP)),
    Way("AES key wrap", 3, Mechanism.AES_KEY_WRAP, _WRAPS, *_kw(Mechanism.AES_KEY_WRAP)),
    Way("AES key wrap by blocks", 4, Mechanism.AES_ECB, _ENCRYPTS, _blocks_wrap, _blocks_unwrap),
)
"""What a token must have one of, the best first; which of them it truly has is found out by using them."""
BY_NUMBER: Final = {way.number: way for way in WAYS}
NEEDED: Final[Mapping[str, tuple[Mechanism, ...]]] = {
    "make the key": (Mechanism.AES_KEY_GEN,),
    "wrap with it": tuple(way.mechanism for way in WAYS),
}
"""The mechanisms that a token needs: of each row, one."""

REQUIRED: Final[tuple[tuple[Attribute, Any, bool], ...]] = (
    (Attribute.KEY_TYPE, KeyType.AES, True),
    (Attribute.VALUE_LEN, KEY_BYTES, True),
    (Attribute.TOKEN, True, True),
    (Attribute.PRIVATE, True, True),
    (Attribute.SENSITIVE, True, True),
    (Attribute.ALWAYS_SENSITIVE, True, True),
    (Attribute.EXTRACTABLE, False, True),
    (Attribute.NEVER_EXTRACTABLE, True, True),
    (Attribute.LOCAL, True, True),
    (Attribute.WRAP_WITH_TRUSTED, True, False),
)
"""What the key must be: made in the token, and never readable outside.  Attribute, value, and whether the token must
know the attribute at all: some have none of PKCS#11 2.20's."""
TEMPLATE: Final[Mapping[Attribute, Any]] = {
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.MODIFIABLE: False,
}
"""What the key is made with, so that it is as REQUIRED."""
TRUSTED: Final[Mapping[Attribute, Any]] = {Attribute.WRAP_WITH_TRUSTED: True}
"""And where the token knows it."""


def refusal(key: Any, *but: Attribute) -> str | None:
    """Why a key is not as it must be; None if it is.  Raises: PKCS11Error.

    Args:
        but: what it need not be, of a key for a trial.
    """
    for attribute, wanted, needed in REQUIRED:
        if attribute in but:
            continue
        try:
            found = key[attribute]
        except (AttributeTypeInvalid, AttributeSensitive):
            if needed:
                return f"the token does not tell {attribute.name}"
            continue
        if found != wanted:
            return f"{attribute.name} is not {wanted}"
    return None
