"""Which key may wrap which, so that wrapping is not a way out.

A key with Wrap Key beside Decrypt may be made, as clients do it; what is dangerous is refused when it is done:

- What wraps is at least as strong as what is wrapped, and the wrapping notices a change.
- A Sensitive key is wrapped only by a key whose bytes nobody outside has, or that an operator trusts.
- A key that has wrapped a Sensitive key wraps and unwraps from then on and does nothing else; it is Sensitive itself.
- What was unwrapped is as protected as what it was wrapped under, and as every object that holds the same bytes.
- A Sensitive key derives only if it can do nothing by which the derived bytes could be had otherwise.

Source: SP 800-57 Part 1 Rev. 5 sections 5.6.2 and 6.2.1; SP 800-152 section 6.5; Clulow, On the Security of PKCS #11
(2003); Bortolozzo et al., Attacking and Fixing PKCS#11 Security Tokens (2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicUsageMask, ResultReason

LEAST_STRENGTH_BITS: Final = 112
"""Of anything that wraps, and of anything that is derived.  Source: SP 800-131A Rev. 2 section 1.2.1."""
MOST_STRENGTH_BITS: Final = 256

_M = CryptographicUsageMask
_WRAPPING: Final = _M.WRAP_KEY | _M.UNWRAP_KEY
_ORACLES: Final = (
    _M.UNRESTRICTED
    | _M.ENCRYPT
    | _M.DECRYPT
    | _M.MAC_GENERATE
    | _M.WRAP_KEY
    | _M.UNWRAP_KEY
    | _M.FPE_ENCRYPT
    | _M.FPE_DECRYPT
)


class History(IntFlag):
    """What became of an object's bytes; kept with it and never shown."""

    MADE_HERE = 1
    "This server generated them."
    LEFT = 2
    "They were handed out, so that others may know them."
    WRAPPED_SENSITIVE = 4
    "They have wrapped a Sensitive key."
    TRUSTED = 8
    "An operator says that whoever has them may have what they wrap."

    @property
    def known_here_only(self) -> bool:
        """Whether nobody outside has the bytes."""
        return bool(self & History.MADE_HERE) and not self & History.LEFT


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """The key that wraps; its strength in bits."""

    strength_bits: int
    symmetric: bool
    history: History


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """The key that is wrapped; its strength in bits, 0 if it has none."""

    strength_bits: int
    sensitive: bool


def check_wrapping(wrapping: WrappingKey, wrapped: WrappedKey, *, authenticated: bool) -> None:
    """Refuse a wrapping that would give a key away.

    Args:
        authenticated: the wrapping, or a MAC or signature with it, notices a change.

    Raises:
        OperationFailed: Bad Cryptographic Parameters (K17), Permission Denied (K16).
    """
    if not authenticated:
        raise OperationFailed(
            ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "keys are wrapped only in a way that notices a change"
        )
    # No RSA key of a usual size reaches 256 bits, so that of an asymmetric key only the least strength is asked.
    least = min(wrapped.strength_bits, MOST_STRENGTH_BITS) if wrapping.symmetric else 0
    if wrapping.strength_bits < max(least, LEAST_STRENGTH_BITS):
        raise OperationFailed(
            ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "the wrapping key is weaker than the key that it would wrap"
        )
    if wrapped.sensitive and not (wrapping.history.known_here_only or wrapping.history & History.TRUSTED):
        raise OperationFailed(
            ResultReason.PERMISSION_DENIED,
            "a Sensitive key is wrapped only by a key that nobody else has, or that is trusted",
        )


def check_other_use(history: History, mask: CryptographicUsageMask) -> None:
    """Refuse to use a key otherwise that has wrapped Sensitive keys (K19).

    Raises:
        OperationFailed: Incompatible Cryptographic Usage Mask.
    """
    if history & History.WRAPPED_SENSITIVE and not mask & _WRAPPING:
        raise OperationFailed(
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
            "the key has wrapped Sensitive keys: it wraps and unwraps, and does nothing else",
        )


def check_derivation(usage_mask: CryptographicUsageMask, length_bits: int) -> None:
    """Refuse a derivation from a base that is Sensitive or not Extractable, if it would tell of it (K22).

    Args:
        usage_mask: of the base, and of every object of the same bytes.
        length_bits: of what is derived.

    Raises:
        OperationFailed: Invalid Attribute Value, Incompatible Cryptographic Usage Mask.
    """
    if length_bits < LEAST_STRENGTH_BITS:
        raise OperationFailed(
            ResultReason.INVALID_ATTRIBUTE_VALUE, f"what is derived has at least {LEAST_STRENGTH_BITS} bits"
        )
    if usage_mask & _ORACLES:
        raise OperationFailed(
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
            "a Sensitive or not Extractable key derives only if it may do nothing else",
        )
