"""Looks for a way to make the server tell a key that it must not tell.

A client that means ill does random things with its own keys, in the order in which attacks do them, and keeps what it
learns: keys that it was given, wrapped keys.  After each answer it is checked that nothing it knows is, or opens, a key
that no client could have had: one made here that was Sensitive or not Extractable from the beginning.

    python -m tests.engine.disclosure [--count N] [--seed S]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keystead.crypto.wrap import unwrap
from keystead.engine import use
from keystead.engine.context import Context, Turn
from keystead.engine.engine import Engine, Incoming
from keystead.engine.wrapping import unwrapped
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicUsageMask,
    DerivationMethod,
    EncodingOption,
    HashingAlgorithm,
    KeyWrapType,
    ObjectType,
    Operation,
    ResultStatus,
    SecretDataType,
    SplitKeyMethod,
    WrappingMethod,
)
from keystead.kmip.messages import load_response
from keystead.kmip.objects import KeyValue, KeyWrappingSpecification, SecretData, SymmetricKey
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import ModifyAttributeRequest
from keystead.kmip.payloads.create import (
    CreateRequest,
    CreateSplitKeyRequest,
    DeriveKeyRequest,
    ImportRequest,
    JoinSplitKeyRequest,
    RegisterRequest,
)
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest
from keystead.kmip.payloads.get import ExportRequest, GetRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.schema import dump
from keystead.kmip.structures import (
    CryptographicParameters,
    DerivationParameters,
    EncryptionKeyInformation,
    MACSignatureKeyInformation,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_1
from keystead.policy.access import Caller
from tests.engine.keys import A, M, attributes, symmetric
from tests.engine.world import request_message
from tests.support import make_engine

KW, GCM, CBC = BlockCipherMode.NISTKEYWRAP, BlockCipherMode.GCM, BlockCipherMode.CBC
MASKS = (
    M.ENCRYPT | M.DECRYPT,
    M.WRAP_KEY | M.UNWRAP_KEY,
    M.WRAP_KEY | M.UNWRAP_KEY | M.ENCRYPT | M.DECRYPT,
    M.DERIVE_KEY,
    M.DERIVE_KEY | M.ENCRYPT,
    M.MAC_GENERATE,
)
FIXED = b"sixteen bytes +1" * 2


@dataclass
class Blob:
    """A wrapped key that the client holds."""

    secret: Any
    wrapped_under: str
    mode: BlockCipherMode

    @property
    def data(self) -> bytes:
        value = self.secret.key_block.key_value
        return bytes(value if isinstance(value, bytes) else value.key_material)

    @property
    def iv(self) -> bytes | None:
        found: bytes | None = self.secret.key_block.key_wrapping_data.iv_counter_nonce
        return found


@dataclass
class Attacker:
    """A client and what it holds.

    Attributes:
        masks: what it asked its keys to be good for.
        known: bytes of keys that it was given or chose, by unique identifier.
        forbidden: bytes that nobody may learn.
    """

    engine: Engine
    random: random.Random
    caller: Caller
    keys: list[str] = field(default_factory=list)
    masks: dict[str, CryptographicUsageMask] = field(default_factory=dict)
    blobs: list[Blob] = field(default_factory=list)
    parts: list[tuple[str, ...]] = field(default_factory=list)
    known: dict[str, bytes] = field(default_factory=dict)
    forbidden: set[bytes] = field(default_factory=set)
    trail: list[str] = field(default_factory=list)

    def ask(self, request: Request) -> Any:
        """Send a request; its payload, or None if it was refused."""
        (answer,) = self.engine.answer([Incoming(request_message(request, version=V2_1), self.caller)])
        item = load_response(answer)[0].batch_item[0]
        self.trail.append(f"{request} -> {item.result_status.title} {item.result_message or ''}")
        for key in self.forbidden:
            assert key not in answer, self.story()
        return item.response_payload if item.result_status is ResultStatus.SUCCESS else None

    def learn(self, unique_identifier: str, key: bytes) -> None:
        self.known[unique_identifier] = key
        assert key not in self.forbidden, self.story()

    def story(self) -> str:
        return "\n".join(("a key was told:", *self.trail))

    # --- what it does ---

    def step(self) -> None:
        self.random.choice(STEPS)(self)
        self.open_blobs()

    def pick(self, good_for: CryptographicUsageMask | None = None) -> str:
        """Any of its keys; mostly one that is good for something."""
        good = [key for key in self.keys if good_for is not None and self.masks.get(key, M.SIGN) & good_for]
        return self.random.choice(good if good and self.random.random() < 0.9 else self.keys)

    def create(self) -> None:
        protected = self.random.random() < 0.5
        mask = self.random.choice(MASKS)
        asked: dict[str, Any] = {
            "cryptographic_algorithm": A.AES,
            "cryptographic_length": 256,
            "cryptographic_usage_mask": mask,
            "activation_date": 1,
        }
        if protected:
            asked[self.random.choice(("sensitive", "sensitive", "extractable"))] = True
            if "extractable" in asked:
                asked["extractable"] = False
        made = self.ask(CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes(**asked)))
        self.keep(made, mask, forbid=protected)

    def register(self) -> None:
        key, mask = self.random.randbytes(32), self.random.choice(MASKS)
        made = self.ask(
            RegisterRequest(
                object_type=ObjectType.SYMMETRIC_KEY,
                attributes=attributes(cryptographic_usage_mask=mask, activation_date=1),
                object=symmetric(key),
            )
        )
        self.keep(made, mask)
        if made is not None:
            self.learn(made.unique_identifier, key)

    def get(self) -> None:
        key = self.pick()
        cls = self.random.choice((GetRequest, ExportRequest))
        answer = self.ask(cls(unique_identifier=key, key_wrap_type=KeyWrapType.NOT_WRAPPED))
        self.note(key, answer)

    def note(self, key: str, answer: Any) -> None:
        block = getattr(getattr(answer, "object", None), "key_block", None)
        if block is not None and isinstance(block.key_value, KeyValue) and block.key_wrapping_data is None:
            self.learn(key, block.key_value.key_material)

    def get_authenticated(self) -> None:
        specification = KeyWrappingSpecification(
            wrapping_method=WrappingMethod.MAC_SIGN,
            mac_signature_key_information=MACSignatureKeyInformation(
                unique_identifier=self.pick(M.MAC_GENERATE),
                cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.CMAC),
            ),
            encoding_option=EncodingOption.NO_ENCODING,
        )
        self.ask(GetRequest(unique_identifier=self.pick(), key_wrapping_specification=specification))

    def wrap(self) -> None:
        wrapping, mode = self.pick(M.WRAP_KEY), self.random.choice((KW, KW, GCM, CBC))
        specification = KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=EncryptionKeyInformation(
                unique_identifier=wrapping, cryptographic_parameters=self.parameters(mode)
            ),
            encoding_option=EncodingOption.NO_ENCODING,
        )
        answer = self.ask(GetRequest(unique_identifier=self.pick(), key_wrapping_specification=specification))
        if answer is not None:
            self.blobs.append(Blob(answer.object, wrapping, mode))

    @staticmethod
    def parameters(mode: BlockCipherMode) -> CryptographicParameters:
        return CryptographicParameters(block_cipher_mode=mode, tag_length=16 if mode is GCM else None)

    def bring_back(self) -> None:
        if not self.blobs:
            return
        blob = self.random.choice(self.blobs)
        mask = self.random.choice(MASKS)
        asked = attributes(cryptographic_usage_mask=mask, activation_date=1, sensitive=False, extractable=True)
        block = blob.secret.key_block
        way = self.random.randrange(3)
        if way == 0:
            made = self.ask(
                ImportRequest(
                    unique_identifier=f"import-{self.random.getrandbits(64)}",
                    object_type=ObjectType.SYMMETRIC_KEY,
                    key_wrap_type=KeyWrapType.NOT_WRAPPED,
                    attributes=asked,
                    object=SymmetricKey(key_block=block),
                )
            )
        elif way == 1:
            made = self.ask(
                RegisterRequest(
                    object_type=ObjectType.SECRET_DATA,
                    attributes=asked,
                    object=SecretData(secret_data_type=SecretDataType.SEED, key_block=block),
                )
            )
        else:
            made = self.ask(
                RegisterRequest(
                    object_type=ObjectType.SYMMETRIC_KEY, attributes=asked, object=SymmetricKey(key_block=block)
                )
            )
        self.keep(made, mask)

    def decrypt(self) -> None:
        if not self.blobs:
            return
        blob = self.random.choice(self.blobs)
        key = self.random.choice((blob.wrapped_under, self.pick()))
        data, tag = (blob.data[:-16], blob.data[-16:]) if blob.mode is GCM else (blob.data, None)
        self.ask(
            DecryptRequest(
                unique_identifier=key,
                cryptographic_parameters=self.parameters(blob.mode),
                data=data,
                iv_counter_nonce=blob.iv,
                authenticated_encryption_tag=tag,
            )
        )

    def encrypt(self) -> None:
        gcm = [blob for blob in self.blobs if blob.mode is GCM]
        if gcm and self.random.random() < 0.7:
            blob = self.random.choice(gcm)
            self.ask(
                EncryptRequest(
                    unique_identifier=blob.wrapped_under,
                    cryptographic_parameters=self.parameters(GCM),
                    data=blob.data[:-16],
                    iv_counter_nonce=blob.iv,
                )
            )
            return
        ecb = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
        answer = self.ask(
            EncryptRequest(unique_identifier=self.pick(M.ENCRYPT), cryptographic_parameters=ecb, data=FIXED)
        )
        if answer is not None:
            assert answer.data not in self.forbidden, self.story()

    def derive(self) -> None:
        base, mask = self.pick(M.DERIVE_KEY), self.random.choice(MASKS)
        method = self.random.choice((DerivationMethod.ENCRYPT, DerivationMethod.HMAC))
        parameters = (
            CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
            if method is DerivationMethod.ENCRYPT
            else CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
        )
        made = self.ask(
            DeriveKeyRequest(
                object_type=ObjectType.SYMMETRIC_KEY,
                unique_identifier=(base,),
                derivation_method=method,
                derivation_parameters=DerivationParameters(
                    cryptographic_parameters=parameters, derivation_data=(FIXED,)
                ),
                attributes=attributes(
                    cryptographic_algorithm=A.AES,
                    cryptographic_length=256,
                    cryptographic_usage_mask=mask,
                    activation_date=1,
                    sensitive=False,
                    extractable=True,
                ),
            )
        )
        self.keep(made, mask, forbid=bytes_here(self.engine, self.caller, base) in self.forbidden)

    def loosen(self) -> None:
        name, value = self.random.choice(((Tag.SENSITIVE, False), (Tag.EXTRACTABLE, True)))
        self.ask(ModifyAttributeRequest(unique_identifier=self.pick(), new_attribute=Attribute(name, value)))

    def rekey(self) -> None:
        self.keep(self.ask(ReKeyRequest(unique_identifier=self.pick(), attributes=attributes(sensitive=False))))

    def split(self) -> None:
        answer = self.ask(
            CreateSplitKeyRequest(
                object_type=ObjectType.SPLIT_KEY,
                unique_identifier=self.pick(),
                split_key_parts=2,
                split_key_threshold=2,
                split_key_method=SplitKeyMethod.XOR,
                attributes=attributes(sensitive=False, extractable=True),
            )
        )
        if answer is not None:
            self.parts.append(answer.unique_identifier)

    def join(self) -> None:
        if not self.parts:
            return
        parts, mask = self.random.choice(self.parts), self.random.choice(MASKS)
        made = self.ask(
            JoinSplitKeyRequest(
                object_type=ObjectType.SYMMETRIC_KEY,
                unique_identifier=parts,
                attributes=attributes(
                    cryptographic_algorithm=A.AES,
                    cryptographic_length=256,
                    cryptographic_usage_mask=mask,
                    activation_date=1,
                    sensitive=False,
                    extractable=True,
                ),
            )
        )
        self.keep(made, mask)

    def get_parts(self) -> None:
        if not self.parts:
            return
        found = [self.ask(GetRequest(unique_identifier=part)) for part in self.random.choice(self.parts)]
        if all(found):
            one, other = (int.from_bytes(each.object.key_block.key_value.key_material, "big") for each in found)
            assert (one ^ other).to_bytes(32, "big") not in self.forbidden, self.story()

    # --- what it makes of it ---

    def keep(self, made: Any, mask: CryptographicUsageMask | None = None, *, forbid: bool = False) -> None:
        if made is None:
            return
        self.keys.append(str(made.unique_identifier))
        if mask is not None:
            self.masks[self.keys[-1]] = mask
        if forbid:
            self.forbidden.add(bytes_here(self.engine, self.caller, self.keys[-1]))

    def open_blobs(self) -> None:
        """Unwrap at home whatever was wrapped under a key that it has."""
        for blob in self.blobs:
            key = self.known.get(blob.wrapped_under)
            if key is None or blob.mode is CBC:
                continue
            try:
                opened = unwrap(key, self.parameters(blob.mode), blob.data, blob.iv)
            except OperationFailed:
                continue
            assert opened not in self.forbidden, self.story()


STEPS: tuple[Callable[[Attacker], None], ...] = (
    Attacker.create,
    Attacker.create,
    Attacker.register,
    Attacker.get,
    Attacker.get_authenticated,
    Attacker.wrap,
    Attacker.wrap,
    Attacker.wrap,
    Attacker.bring_back,
    Attacker.bring_back,
    Attacker.decrypt,
    Attacker.decrypt,
    Attacker.encrypt,
    Attacker.derive,
    Attacker.loosen,
    Attacker.rekey,
    Attacker.split,
    Attacker.join,
    Attacker.get_parts,
)


def bytes_here(engine: Engine, caller: Caller, unique_identifier: str) -> bytes:
    """The bytes of a key, past all rules."""
    with engine.store.begin(write=False) as transaction:
        context = Context(Turn(engine, transaction, int(engine.clock() * 1_000_000)), caller, V2_1)
        context.operation = Operation.GET
        managed = context.object(unique_identifier)
        block = use.key_block(unwrapped(context, context.material(managed), managed))
        material = use.plain_value(block).key_material
        return material if isinstance(material, bytes) else dump(material, V2_1)


def sequences(engine: Engine, seed: int, count: int, length: int = 30) -> Iterator[Attacker]:
    """Let so many clients do so many things each.  Raises: AssertionError with the whole story if a key was told."""
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")
        attacker = Attacker(engine, chance, Caller(f"attacker-{seed}-{number}", "attacker", "default"))
        attacker.create()
        for _ in range(length):
            attacker.step()
        yield attacker


def search(seed: int, count: int, chunk: int = 500) -> tuple[int, int]:
    """Try so many sequences, on a fresh engine now and then; how many keys were to be kept, and how many were wrapped.

    Raises:
        AssertionError: a key was told.
    """
    forbidden = wrapped = 0
    for first in range(0, count, chunk):
        with tempfile.TemporaryDirectory() as directory:
            engine = make_engine(Path(directory))
            try:
                for attacker in sequences(engine, seed + first, min(chunk, count - first)):
                    forbidden += len(attacker.forbidden)
                    wrapped += len(attacker.blobs)
            finally:
                engine.close()
        print(f"\r{min(first + chunk, count):,} of {count:,} sequences", end="", file=sys.stderr, flush=True)
    return forbidden, wrapped


def main() -> int:
    parser = argparse.ArgumentParser(description="Sequences of operations that try to learn a protected key.")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    started = time.monotonic()
    forbidden, wrapped = search(asked.seed, asked.count)
    print(
        f"\n{asked.count:,} sequences, seed {asked.seed}, {time.monotonic() - started:.0f} s: {forbidden:,} keys were "
        f"protected, {wrapped:,} were wrapped, none was told"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
