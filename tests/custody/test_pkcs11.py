"""The root in an HSM: with SoftHSM, and with a module that errs at every call (shim.c)."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import AttributeSensitive, MechanismInvalid, PKCS11Error

from keystead.custody import connection, open_root
from keystead.custody.keks import SqliteKekStore
from keystead.custody.module import module_of
from keystead.custody.pkcs11 import PKCS11Root, check_random
from keystead.custody.rootfile import ROOT_FILE
from keystead.custody.software import SoftwareRoot
from keystead.custody.ways import NEEDED, REQUIRED, WAYS, Way
from keystead.custody.zones import Kind, Vault
from keystead.errors import CustodyError, OperationFailed, OutOfReach, TamperError
from keystead.kmip.enums import ResultReason
from tests.hsm import PIN, SOFTHSM, Hsm, compile_shim, installed

KEY, CONTEXT = bytes(range(32)), b"context"

DEVICE_REMOVED, SESSION_INVALID, PIN_LOCKED, PIN_EXPIRED, PIN_INCORRECT = 0x32, 0xB3, 0xA4, 0xA3, 0xA0
GENERAL_ERROR, DEVICE_ERROR, BUFFER_TOO_SMALL, SESSION_COUNT, MECHANISM_INVALID = 0x5, 0x30, 0x150, 0xB1, 0x70
CODES = (DEVICE_REMOVED, SESSION_INVALID, PIN_LOCKED, PIN_EXPIRED, GENERAL_ERROR, BUFFER_TOO_SMALL, DEVICE_ERROR)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def hsm(tmp_path: Path, shim: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hsm]:
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.0)
    made = Hsm.make(tmp_path / "hsm", shim, monkeypatch.setenv)
    yield made
    made.errs()
    for held in connection._connections.values():  # of a test that failed
        while held.users:
            held.release()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "custody"


@pytest.fixture
def root(hsm: Hsm, directory: Path) -> Iterator[PKCS11Root]:
    made = PKCS11Root.create(directory, hsm.token(), PIN)
    yield made
    made.close()


@contextmanager
def logged_in(hsm: Hsm) -> Iterator[Any]:
    """A session of somebody who has the PIN, in the thread of the module."""
    held = connection.connect(hsm.token(typed=True), PIN, hsm.directory)
    session: list[Any] = []
    held.call(session.append, 10)
    try:
        yield session[0]
    finally:
        held.release()


def make_key(session: Any, label: str = "keystead", **template: Any) -> Any:
    wanted = {
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.WRAP_WITH_TRUSTED: True,
        **{Attribute[name]: value for name, value in template.items()},
    }
    return session.generate_key(
        KeyType.AES, 256, label=label, store=True, capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
        template=wanted,
    )  # fmt: skip


def keys(session: Any) -> list[Any]:
    return list(session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY}))


# --- what it is for ---------------------------------------------------------------------------------------------------


def test_a_token_wraps_and_opens_again(hsm: Hsm, directory: Path, root: PKCS11Root) -> None:
    wrapped = root.wrap(KEY, CONTEXT)
    assert root.wrap(KEY, CONTEXT) != wrapped
    assert KEY not in wrapped
    signature, public, name = root.sign(b"data"), root.public_key, root.name
    assert root.verify(b"data", signature)
    assert len(root.random(7)) == 7
    assert len(root.random(100)) == 100
    root.close()
    assert root.sealed
    for refused in (lambda: root.wrap(KEY, CONTEXT), lambda: root.unwrap(wrapped, CONTEXT), lambda: root.sign(b"")):
        with pytest.raises(CustodyError, match="sealed"):
            refused()
    again = PKCS11Root.open(directory, hsm.token(), PIN)
    assert again.unwrap(wrapped, CONTEXT) == KEY
    assert (again.public_key, again.name) == (public, name)
    assert again.verify(b"data", signature)
    again.close()


def test_the_key_is_made_so_that_it_never_leaves_and_is_good_for_one_thing(hsm: Hsm, root: PKCS11Root) -> None:
    with logged_in(hsm) as session:
        (key,) = keys(session)
        for attribute, wanted, _ in REQUIRED:
            assert key[attribute] == wanted
        with pytest.raises(AttributeSensitive):
            _ = key[Attribute.VALUE]
        known = session.create_object(
            {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES, Attribute.VALUE: KEY}
        )
        with pytest.raises(PKCS11Error):  # the attack that a known wrapping key is
            known.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP)
        good_for = {name: key[Attribute[name]] for name in ("ENCRYPT", "DECRYPT", "WRAP", "UNWRAP", "SIGN", "DERIVE")}
        assert {name for name, can in good_for.items() if can} == {"ENCRYPT", "DECRYPT"}
        with pytest.raises(PKCS11Error):
            key[Attribute.EXTRACTABLE] = True


def test_two_roots_of_one_process_share_the_login(hsm: Hsm, directory: Path, tmp_path: Path, root: PKCS11Root) -> None:
    link = tmp_path / "other-name.so"
    link.symlink_to(hsm.module)
    before = hsm.calls("C_Login")
    other = PKCS11Root.create(tmp_path / "other", hsm.token(), PIN, another=True)
    assert module_of(link) is module_of(hsm.module)
    assert hsm.calls("C_Login") == before
    assert other.name.startswith("pkcs11 keystead test/keystead-2 ")
    wrapped = root.wrap(KEY, CONTEXT)
    with pytest.raises(TamperError):
        other.unwrap(wrapped, CONTEXT)
    other.close()
    hsm.forget_calls()
    assert root.unwrap(wrapped, CONTEXT) == KEY  # nobody was logged out
    assert hsm.calls("C_Login") == hsm.calls("C_Initialize") == 0
    with pytest.raises(CustodyError, match="another PIN"):
        PKCS11Root.open(directory, hsm.token(), b"guess")


def test_a_successor_takes_the_next_label_that_is_free(hsm: Hsm, directory: Path, root: PKCS11Root) -> None:
    with logged_in(hsm) as session:
        make_key(session, "keystead-2")
    other = PKCS11Root.create(directory, hsm.token(), PIN, root.signing_key(), "root.next.json", another=True)
    assert "/keystead-3 " in other.name
    assert other.public_key == root.public_key
    other.close()
    with pytest.raises(CustodyError, match="is there already"):
        PKCS11Root.create(directory, hsm.token(), PIN)


# --- H01: missing, hanging, crashing ----------------------------------------------------------------------------------


def test_h01_a_module_that_is_missing_or_is_none_stops(hsm: Hsm, directory: Path, tmp_path: Path) -> None:
    none = tmp_path / "none.so"
    none.write_bytes(b"this is no library")
    for module, kind in (
        (tmp_path / "missing.so", CustodyError),
        (none, OutOfReach),
        (Path("libc.so.6"), CustodyError),
    ):
        token = connection.Token(module, hsm.label)
        with pytest.raises(kind, match="module"):
            PKCS11Root.create(directory, token, PIN)
        with pytest.raises(CustodyError):
            PKCS11Root.open(directory, token, PIN)
    assert not (directory / ROOT_FILE).exists()


@pytest.mark.parametrize("function", ["C_DecryptInit", "C_Finalize", "C_Login"])
def test_h01_a_module_that_hangs_is_an_error_until_it_comes_back(
    hsm: Hsm, root: PKCS11Root, function: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrapped = root.wrap(KEY, CONTEXT)
    lost = [f"C_DecryptInit error {DEVICE_ERROR} 1 2"] if function != "C_DecryptInit" else []
    hsm.errs(*lost, f"{function} hang 0 1 0")
    with pytest.raises(OutOfReach, match="did not answer within 2 s"):
        root.unwrap(wrapped, CONTEXT)
    hung = hsm.calls()
    for attempt in (lambda: root.unwrap(wrapped, CONTEXT), lambda: root.wrap(KEY, CONTEXT), lambda: root.random(32)):
        with pytest.raises(OutOfReach, match="does not answer"):
            attempt()
    assert hsm.calls() == hung  # no call follows one that is not back
    assert any(record.levelno == logging.CRITICAL for record in caplog.records)
    assert root.sign(b"what needs no token goes on")
    root.look()
    assert eventually(lambda: known(root.lost))  # what hangs is not waited for in order to know it
    hsm.errs()
    assert eventually(lambda: root.unwrap(wrapped, CONTEXT)) == KEY
    assert eventually(lambda: known(not root.lost))


def test_h01_what_was_not_begun_in_time_is_never_done(hsm: Hsm, root: PKCS11Root) -> None:
    wrapped = root.wrap(KEY, CONTEXT)
    hsm.errs("C_DecryptInit hang 0 1 0")
    refused: list[BaseException] = []

    def attempt() -> None:
        try:
            root.unwrap(wrapped, CONTEXT)
        except OutOfReach as error:
            refused.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 4
    hsm.forget_calls()
    hsm.errs()
    assert eventually(lambda: root.unwrap(wrapped, CONTEXT)) == KEY
    assert hsm.calls("C_DecryptInit") == 1  # the one that hung has been logged before


def known(fact: bool) -> bytes:
    if not fact:
        raise OutOfReach("not yet")
    return b"known"


def eventually(attempt: Callable[[], bytes]) -> bytes:
    """What an attempt gives once it does not fail any more."""
    for _ in range(500):
        with suppress(OutOfReach):
            return attempt()
        threading.Event().wait(0.01)
    return attempt()


def test_h01_a_module_that_crashes_ends_the_process_and_nothing_stands_in(hsm: Hsm, directory: Path) -> None:
    PKCS11Root.create(directory, hsm.token(), PIN).close()
    before = sorted((path.name, path.read_bytes()) for path in directory.iterdir())
    hsm.errs("C_Login crash 0 1 0")
    program = (
        "import sys; from pathlib import Path; from keystead.custody import *; from keystead.custody.pkcs11 import *\n"
        "directory, module, label = sys.argv[1:]\n"
        "open_root('pkcs11', Path(directory), Means(token=Token(Path(module), label), pin=lambda: b'31-pin-52'))"
    )
    command = [sys.executable, "-c", program, str(directory), str(hsm.module), hsm.label]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == -signal.SIGSEGV
    assert sorted((path.name, path.read_bytes()) for path in directory.iterdir()) == before


# --- H02: an error at every call --------------------------------------------------------------------------------------


OPERATIONS: dict[str, Callable[[Hsm, Path], object]] = {
    "open": lambda hsm, directory: PKCS11Root.open(directory, hsm.token(), PIN),
    "create": lambda hsm, directory: PKCS11Root.create(
        directory, hsm.token(key=(name := os.urandom(4).hex())), PIN, file=f"{name}.json"
    ),
}


# The library complains, when it lets go of a search that failed, that the search is over.
UNFINISHED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@UNFINISHED
@pytest.mark.parametrize("operation", OPERATIONS)
def test_h02_an_error_at_any_call_while_opening_is_a_refusal(hsm: Hsm, directory: Path, operation: str) -> None:
    root = PKCS11Root.create(directory, hsm.token(), PIN)
    wrapped = root.wrap(KEY, CONTEXT)
    root.close()
    hsm.forget_calls()
    OPERATIONS[operation](hsm, directory).close()  # type: ignore[attr-defined]
    length = hsm.calls()
    assert length > 40
    recovered = refused = 0
    objects = hsm.objects()
    for code in CODES if operation == "open" else CODES[:2]:  # making keys takes long
        for number in range(1, length + 1):
            hsm.write_pin(PIN)  # whatever was refused may be tried again
            for made in hsm.objects() - objects:
                made.unlink()  # with many keys SoftHSM is slow
            hsm.errs(f"* error {code} {number} {number}")
            try:
                opened = OPERATIONS[operation](hsm, directory)
            except CustodyError:
                refused += 1
                continue
            recovered += 1
            assert isinstance(opened, PKCS11Root)
            assert opened.unwrap(opened.wrap(KEY, CONTEXT), CONTEXT) == KEY
            opened.close()
    hsm.errs()
    hsm.write_pin(PIN)
    again = PKCS11Root.open(directory, hsm.token(), PIN)
    assert again.unwrap(wrapped, CONTEXT) == KEY
    again.close()
    assert recovered > 40
    assert refused > 5


def test_h02_an_error_at_any_call_while_serving_is_recovered_from_or_a_refusal(hsm: Hsm, root: PKCS11Root) -> None:
    wrapped = root.wrap(KEY, CONTEXT)
    served: dict[str, Callable[[], object]] = {
        "wrap": lambda: root.unwrap(root.wrap(KEY, CONTEXT), CONTEXT) == KEY,
        "unwrap": lambda: root.unwrap(wrapped, CONTEXT) == KEY,
        "random": lambda: len(root.random(32)) == 32,
    }
    recovered = refused = 0
    for name, work in served.items():
        hsm.forget_calls()
        assert work(), name
        length = hsm.calls()
        for code in CODES:
            for number in range(1, length + 1):
                for last in (number, 0):  # once, and from then on
                    hsm.write_pin(PIN)
                    hsm.errs(f"* error {code} {number} {last}")
                    try:
                        assert work(), (name, hex(code), number, last)
                        recovered += 1
                    except CustodyError:
                        refused += 1
        hsm.errs()
        hsm.write_pin(PIN)
        assert work()
    assert recovered > 20
    assert refused > 20


# --- H03: the token is gone, and comes back ---------------------------------------------------------------------------


def test_h03_a_token_that_is_gone_is_an_alarm_and_recovers_when_it_is_back(
    hsm: Hsm, root: PKCS11Root, directory: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vault = Vault(root, SqliteKekStore(directory))
    sealed = vault.seal("default", Kind.SECRET, "1", "alice", 1, b"secret")
    hsm.tokens.rename(tmp_path / "away")
    hsm.tokens.mkdir()
    with pytest.raises(OutOfReach):
        vault.seal("other", Kind.SECRET, "1", "alice", 1, b"secret")
    assert [record.levelname for record in caplog.records if "out of reach" in record.message] == ["CRITICAL"]
    with pytest.raises(OutOfReach, match="no token has the label"):
        root.random(32)
    assert root.lost
    # What is open stays open: nothing else stands in for the token.
    assert vault.open("default", Kind.SECRET, "1", "alice", 1, sealed) == b"secret"
    assert vault.zones() == [("default", Kind.SECRET, 1)]
    hsm.tokens.rmdir()
    (tmp_path / "away").rename(hsm.tokens)
    sealed = vault.seal("other", Kind.SECRET, "1", "alice", 1, b"secret")
    assert "the token is back" in caplog.messages
    assert not root.lost
    vault.close()
    vault = Vault(root, SqliteKekStore(directory))
    assert vault.open("other", Kind.SECRET, "1", "alice", 1, sealed) == b"secret"
    vault.close()


def test_h03_a_token_that_is_gone_is_looked_for_once_a_second(
    hsm: Hsm, root: PKCS11Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "RETRY_SECONDS", 3600.0)
    wrapped = root.wrap(KEY, CONTEXT)
    hsm.tokens.rename(tmp_path / "away")
    with pytest.raises(OutOfReach) as first:
        root.unwrap(wrapped, CONTEXT)
    looked = hsm.calls()
    for _ in range(20):
        with pytest.raises(OutOfReach) as error:
            root.unwrap(wrapped, CONTEXT)
        assert str(error.value) == str(first.value)
    assert hsm.calls() == looked
    (tmp_path / "away").rename(hsm.tokens)


# --- H04: the PIN -----------------------------------------------------------------------------------------------------


def test_h04_a_wrong_pin_is_tried_once_however_often_a_server_is_started(hsm: Hsm, directory: Path) -> None:
    PKCS11Root.create(directory, hsm.token(), PIN).close()
    hsm.write_pin(b"wrong")
    hsm.forget_calls()
    for _ in range(20):
        with pytest.raises(OutOfReach, match="refused the PIN"):
            PKCS11Root.open(directory, hsm.token(), b"wrong")
    assert hsm.calls("C_Login") == 1
    kept = b"".join(path.read_bytes() for path in directory.iterdir())
    assert b"wrong" not in kept
    hsm.write_pin(PIN)
    PKCS11Root.open(directory, hsm.token(), PIN).close()
    assert not (directory / connection.REFUSED_PIN_FILE).exists()


def test_h04_a_typed_pin_that_was_refused_is_not_tried_again(hsm: Hsm, directory: Path) -> None:
    PKCS11Root.create(directory, hsm.token(typed=True), PIN).close()
    hsm.forget_calls()
    wrong = connection.connect(hsm.token(typed=True), b"wrong", directory)
    for _ in range(5):
        with pytest.raises(CustodyError, match="refused the PIN"):
            wrong.call(lambda session: session)
    assert hsm.calls("C_Login") == 1
    wrong.release()


def test_h04_a_new_pin_in_the_file_is_taken_without_a_new_start(hsm: Hsm, root: PKCS11Root) -> None:
    command = ["pkcs11-tool", "--module", str(SOFTHSM), "--token-label", hsm.label, "--login", "--pin", PIN.decode()]
    installed("pkcs11-tool")
    subprocess.run([*command, "--change-pin", "--new-pin", "other-pin"], check=True, capture_output=True)
    hsm.errs(f"C_GenerateRandom error {SESSION_INVALID} 1 1")
    for _ in range(3):
        with pytest.raises(OutOfReach, match="refused the PIN"):
            root.random(32)
    hsm.write_pin(b"other-pin")
    assert len(root.random(32)) == 32


@pytest.mark.parametrize(("flag", "said"), [(0x20000, "one more wrong PIN"), (0x40000, "is locked")])
def test_h04_the_last_try_is_not_made_from_a_file(hsm: Hsm, directory: Path, flag: int, said: str) -> None:
    PKCS11Root.create(directory, hsm.token(), PIN).close()
    hsm.forget_calls()
    hsm.errs(f"C_GetTokenInfo flags {flag} 1 0")
    for _ in range(3):
        with pytest.raises(OutOfReach, match=said):
            PKCS11Root.open(directory, hsm.token(), PIN)
    assert hsm.calls("C_Login") == 0
    hsm.errs()
    PKCS11Root.open(directory, hsm.token(), PIN).close()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\n", b"1" * 300])
def test_h04_a_file_that_holds_no_pin_is_refused(hsm: Hsm, content: bytes) -> None:
    hsm.pin_file.write_bytes(content)
    with pytest.raises(CustodyError, match=r"holds no PIN|too large") as error:
        connection.read_pin(hsm.pin_file)
    assert content.strip() not in str(error.value).encode() or not content.strip()
    hsm.write_pin(PIN)
    hsm.pin_file.chmod(0o640)
    with pytest.raises(CustodyError, match="0600"):
        connection.read_pin(hsm.pin_file)


# --- H05, H06, H07: the wrong key -------------------------------------------------------------------------------------


def test_h05_two_keys_under_one_label_are_refused(hsm: Hsm, directory: Path) -> None:
    with logged_in(hsm) as session:
        make_key(session)
        make_key(session)
    with pytest.raises(CustodyError, match="several keys under the label"):
        PKCS11Root.create(directory, hsm.token(), PIN)
    with logged_in(hsm) as session:
        keys(session)[1].destroy()
    PKCS11Root.create(directory, hsm.token(), PIN).close()
    with logged_in(hsm) as session:
        make_key(session)
    with pytest.raises(CustodyError, match="several keys under the label"):
        PKCS11Root.open(directory, hsm.token(), PIN)


def test_h05_another_key_under_the_label_is_refused(hsm: Hsm, directory: Path) -> None:
    PKCS11Root.create(directory, hsm.token(), PIN).close()
    whole = (directory / ROOT_FILE).read_text()
    head = json.loads(whole)
    assert head["check"]  # SoftHSM has check values
    with logged_in(hsm) as session:
        keys(session)[0].destroy()
    with pytest.raises(CustodyError, match="no key under the label"):
        PKCS11Root.open(directory, hsm.token(), PIN)
    with logged_in(hsm) as session:
        make_key(session)
    for check in (head["check"], "", "000000"):  # with the token's check value, and without
        (directory / ROOT_FILE).write_text(json.dumps({**head, "check": check}))
        with pytest.raises(CustodyError, match="is another one"):
            PKCS11Root.open(directory, hsm.token(), PIN)


def test_h05_a_key_that_is_put_in_its_place_while_it_serves_is_refused(hsm: Hsm, root: PKCS11Root) -> None:
    wrapped = root.wrap(KEY, CONTEXT)
    with logged_in(hsm) as session:
        keys(session)[0].destroy()
        make_key(session)
    for attempt in (lambda: root.wrap(KEY, CONTEXT), lambda: root.unwrap(wrapped, CONTEXT)):
        with pytest.raises(CustodyError, match="is another one"):
            attempt()


def test_h06_every_flipped_bit_is_refused_in_one_text(hsm: Hsm, directory: Path, root: PKCS11Root) -> None:
    wrapped, said = root.wrap(KEY, CONTEXT), set()
    for altered in [*flipped(wrapped), *(wrapped[:length] for length in range(len(wrapped)))]:
        with pytest.raises(TamperError) as error:
            root.unwrap(altered, CONTEXT)
        said.add(str(error.value))
    for context in (b"", b"contexu", CONTEXT + b"\0"):
        with pytest.raises(TamperError) as error:
            root.unwrap(wrapped, context)
        said.add(str(error.value))
    assert len(said) == 1
    assert root.unwrap(wrapped, CONTEXT) == KEY
    root.close()


def test_h06_every_flipped_byte_of_root_json_is_refused(hsm: Hsm, directory: Path, root: PKCS11Root) -> None:
    whole = (directory / ROOT_FILE).read_bytes()
    # The root stays open: that spares a login each time.
    said = set()
    for at in range(len(whole)):
        altered = bytearray(whole)
        altered[at] ^= 1
        if altered[at : at + 1].isspace() and whole[at : at + 1].isspace():
            continue  # space between what it says is no part of it
        (directory / ROOT_FILE).write_bytes(altered)
        with pytest.raises(CustodyError) as error:
            PKCS11Root.open(directory, hsm.token(), PIN)
        said.add(str(error.value).partition(":")[0])
    (directory / ROOT_FILE).write_bytes(whole)
    PKCS11Root.open(directory, hsm.token(), PIN).close()
    head = json.loads(whole)
    for sealed in flipped(base64.b64decode(head["sealed_key"])):
        (directory / ROOT_FILE).write_text(json.dumps({**head, "sealed_key": base64.b64encode(sealed).decode()}))
        with pytest.raises(CustodyError, match="does not open what its key wrapped"):
            PKCS11Root.open(directory, hsm.token(), PIN)


def flipped(whole: bytes) -> Iterator[bytes]:
    for bit in range(8 * len(whole)):
        altered = bytearray(whole)
        altered[bit // 8] ^= 1 << bit % 8
        yield bytes(altered)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SENSITIVE": False}, "SENSITIVE is not True"),
        ({"EXTRACTABLE": True}, "EXTRACTABLE is not False"),
        ({"WRAP_WITH_TRUSTED": False}, "WRAP_WITH_TRUSTED is not True"),
        ({"PRIVATE": False}, "PRIVATE is not True"),
        ({"WRAP_WITH_TRUSTED": True}, ""),
    ],
)
def test_h07_a_key_that_is_not_as_it_must_be_is_refused(
    hsm: Hsm, directory: Path, wrong: dict[str, bool], said: str
) -> None:
    with logged_in(hsm) as session:
        make_key(session, **wrong)
    if not said:  # it is the flag that is wrong above, and nothing else
        PKCS11Root.create(directory, hsm.token(), PIN).close()
        return
    with pytest.raises(CustodyError, match=said):
        PKCS11Root.create(directory, hsm.token(), PIN)
    assert not (directory / ROOT_FILE).exists()


def test_h07_a_key_that_was_brought_in_is_refused(hsm: Hsm, directory: Path) -> None:
    with logged_in(hsm) as session:
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES, Attribute.LABEL: "keystead",
                Attribute.TOKEN: True, Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False,
                Attribute.ENCRYPT: True, Attribute.DECRYPT: True, Attribute.VALUE: KEY,
                Attribute.WRAP_WITH_TRUSTED: True,
            }
        )  # fmt: skip
    with pytest.raises(CustodyError, match=r"ALWAYS_SENSITIVE|NEVER_EXTRACTABLE|LOCAL"):
        PKCS11Root.create(directory, hsm.token(), PIN)


def test_h07_a_shorter_key_is_refused(hsm: Hsm, directory: Path) -> None:
    with logged_in(hsm) as session:
        session.generate_key(KeyType.AES, 128, label="keystead", store=True, template={Attribute.PRIVATE: True})
    with pytest.raises(CustodyError, match="VALUE_LEN is not 32"):
        PKCS11Root.create(directory, hsm.token(), PIN)


def test_h07_the_check_is_made_again_when_the_token_comes_back(hsm: Hsm, directory: Path, root: PKCS11Root) -> None:
    wrapped = root.wrap(KEY, CONTEXT)
    with logged_in(hsm) as session:
        keys(session)[0].destroy()
        make_key(session, EXTRACTABLE=True)
    with pytest.raises(CustodyError, match="EXTRACTABLE is not False"):
        root.unwrap(wrapped, CONTEXT)


# --- H08: random numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["zero", "same"])
def test_h08_no_key_is_made_of_what_is_not_random(hsm: Hsm, directory: Path, tmp_path: Path, fault: str) -> None:
    root = PKCS11Root.create(directory, hsm.token(), PIN)
    vault = Vault(root, SqliteKekStore(directory))
    hsm.errs(f"C_GenerateRandom {fault} 0 1 0")
    with suppress(CustodyError):
        root.random(32)  # the same again is known by the second time
    with pytest.raises(CustodyError, match="not random"):
        vault.seal("default", Kind.SECRET, "1", "alice", 1, b"secret")
    assert vault.zones() == []
    with pytest.raises(CustodyError, match="not random"):
        PKCS11Root.create(tmp_path / "other", hsm.token(), PIN, another=True)
    hsm.errs()
    with logged_in(hsm) as session:
        assert len(keys(session)) == 1
    vault.seal("default", Kind.SECRET, "1", "alice", 1, b"secret")
    vault.close()
    root.close()


def test_h08_what_is_random_passes_and_what_repeats_does_not() -> None:
    before = b""
    for _ in range(2_000):
        drawn = os.urandom(64)
        check_random(drawn, before)
        before = drawn[:32]
    half = os.urandom(32)
    for wrong in (bytes(32), b"\xff" * 5, os.urandom(20) + b"aaaaa" + os.urandom(20), half + half, b"abcd" * 16):
        with pytest.raises(CustodyError, match="not random"):
            check_random(wrong)
    with pytest.raises(CustodyError, match="not random"):
        check_random(half, half)


def test_h08_a_token_that_makes_no_random_numbers_leaves_them_to_the_system(hsm: Hsm, directory: Path) -> None:
    hsm.errs("C_GetTokenInfo clear 1 1 0")  # CKF_RNG
    root = PKCS11Root.create(directory, hsm.token(), PIN)
    assert len({root.random(32) for _ in range(50)}) == 50
    assert hsm.calls("C_GenerateRandom") == 0
    root.close()


# --- H09, H10: processes and sessions ---------------------------------------------------------------------------------


def test_h09_a_child_begins_the_module_for_itself(hsm: Hsm, directory: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from keystead.custody.pkcs11 import PKCS11Root, Token\n"
        "directory, module, label = sys.argv[1:]\n"
        "root = PKCS11Root.create(Path(directory), Token(Path(module), label), b'31-pin-52')\n"
        "wrapped = root.wrap(b'k' * 32, b'c')\n"
        "children = []\n"
        "for _ in range(3):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        good = all(root.unwrap(wrapped, b'c') == b'k' * 32 for _ in range(100))\n"
        "        good = good and root.unwrap(root.wrap(b'l', b'd'), b'd') == b'l'\n"
        "        root.close()\n"
        "        os._exit(0 if good else 1)\n"
        "    children.append(child)\n"
        "good = all(root.unwrap(wrapped, b'c') == b'k' * 32 for _ in range(100))\n"
        "left = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]\n"
        "assert root.unwrap(wrapped, b'c') == b'k' * 32\n"
        "root.close()\n"
        "print(good, left)"
    )
    command = [sys.executable, "-W", "error", "-c", program, str(directory), str(hsm.module), hsm.label]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True [0, 0, 0]\n", "")
    assert hsm.calls("C_Login") == 4
    assert hsm.calls("C_Initialize") >= 4  # the token may not be seen at once while another process logs in


def test_h10_a_session_is_waited_for_then_the_limit_is_said(
    hsm: Hsm, root: PKCS11Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapped = root.wrap(KEY, CONTEXT)
    lost = f"C_DecryptInit error {SESSION_INVALID} 1 2"
    hsm.errs(lost, f"C_OpenSession error {SESSION_COUNT} 1 3")
    assert root.unwrap(wrapped, CONTEXT) == KEY
    hsm.errs(lost, f"C_OpenSession error {SESSION_COUNT} 1 0")
    for _ in range(2):
        with pytest.raises(OperationFailed) as error:
            root.unwrap(wrapped, CONTEXT)
        assert error.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED
    hsm.errs()
    assert root.unwrap(wrapped, CONTEXT) == KEY


# --- H11, H12 ---------------------------------------------------------------------------------------------------------


def test_h11_a_token_that_errs_is_found_out(hsm: Hsm, root: PKCS11Root) -> None:
    wrapped = root.wrap(KEY, CONTEXT)
    for function in ("C_Encrypt", "C_Decrypt"):
        hsm.errs(f"{function} flip 0 1 0")
        with pytest.raises(CustodyError):
            root.wrap(KEY, CONTEXT)
    with pytest.raises(CustodyError):
        root.unwrap(wrapped, CONTEXT)
    hsm.errs("C_Decrypt flip 0 1 2")  # once: asking for the length is a call too
    assert root.unwrap(wrapped, CONTEXT) == KEY
    hsm.errs()
    assert root.unwrap(root.wrap(KEY, CONTEXT), CONTEXT) == KEY


def test_h11_so_is_one_that_wraps_keys_only(hsm: Hsm, directory: Path) -> None:
    hsm.errs(without(Mechanism.AES_GCM))
    root = PKCS11Root.create(directory, hsm.token(), PIN)
    wrapped = root.wrap(KEY, CONTEXT)
    for function in ("C_WrapKey", "C_GetAttributeValue"):
        hsm.errs(f"{function} flip 0 1 0")
        with pytest.raises(CustodyError):
            root.wrap(KEY, CONTEXT)
    with pytest.raises(CustodyError):
        root.unwrap(wrapped, CONTEXT)
    hsm.errs()
    assert root.unwrap(wrapped, CONTEXT) == KEY
    root.close()


def test_h12_the_pin_is_in_no_file_log_or_text(
    hsm: Hsm, directory: Path, root: PKCS11Root, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hsm.errs(f"C_GenerateRandom error {GENERAL_ERROR} 1 1", f"C_Login error {PIN_INCORRECT} 1 0")
    with pytest.raises(CustodyError) as error:
        root.random(32)
    said = [str(error.value), repr(root), root.name, caplog.text, repr(hsm.token()), repr(root._connection)]
    said += [path.read_text() for path in directory.iterdir()]
    for text in said:
        assert PIN.decode() not in text
        assert base64.b64encode(PIN).decode() not in text


# --- what a token needs -----------------------------------------------------------------------------------------------


def without(mechanism: Mechanism) -> str:
    return f"C_GetMechanismInfo error {MECHANISM_INVALID} 1 0 {int(mechanism)}"


def test_the_table_of_what_a_token_needs_holds_for_each_way(hsm: Hsm, tmp_path: Path) -> None:
    """SoftHSM has AES-GCM and key wrap; with either of them taken away the other does."""
    assert NEEDED["wrap with it"] == tuple(way.mechanism for way in WAYS)
    chosen = []
    hidden: list[str] = []
    while True:
        hsm.errs(*hidden)
        label = f"key {len(chosen)}"
        if len(chosen) == 3:
            with pytest.raises(CustodyError, match="the token has none of AES-GCM, AES key wrap with padding, AES key"):
                PKCS11Root.create(tmp_path / label, hsm.token(key=label), PIN)
            break
        root = PKCS11Root.create(tmp_path / label, hsm.token(key=label), PIN)
        name = json.loads((tmp_path / label / ROOT_FILE).read_text())["mechanism"]
        way = next(way for way in WAYS if way.name == name)
        assert root.unwrap(root.wrap(KEY, CONTEXT), CONTEXT) == KEY
        with logged_in(hsm) as session:
            (key,) = session.get_objects({Attribute.LABEL: label})
            can = {each for each in ("ENCRYPT", "DECRYPT", "WRAP", "UNWRAP") if key[Attribute[each]]}
        assert can == {flag.name for flag in MechanismFlag if flag in way.capabilities}
        root.close()
        chosen.append(name)
        hidden.append(without(way.mechanism))
    assert chosen == ["AES-GCM", "AES key wrap", "AES key wrap by blocks"]  # of SoftHSM: it has no padding
    assert not (tmp_path / label / ROOT_FILE).exists()
    with logged_in(hsm) as session:
        assert len(keys(session)) == len(chosen)


@pytest.mark.parametrize("way", [way for way in WAYS if way.name.startswith("AES key wrap")])
def test_a_way_wraps_as_its_standard_says(hsm: Hsm, way: Way) -> None:
    with logged_in(hsm) as session:
        can = {Attribute.ENCRYPT: True, Attribute.DECRYPT: True, Attribute.WRAP: True, Attribute.UNWRAP: True}
        known = session.create_object(
            {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES, Attribute.VALUE: KEY, **can}
        )
        once = os.urandom(32)
        if way.mechanism is Mechanism.AES_KEY_WRAP_KWP:
            with pytest.raises(MechanismInvalid):
                way.wrap(known, session, once)
            return
        wrapped = way.wrap(known, session, once)
        assert wrapped == aes_key_wrap(KEY, once)
        assert way.unwrap(known, session, wrapped) == once
        for altered in flipped(wrapped):
            with pytest.raises((PKCS11Error, ValueError)):
                way.unwrap(known, session, altered)


def test_a_token_that_cannot_make_the_key_is_refused(hsm: Hsm, directory: Path) -> None:
    hsm.errs(f"C_GenerateKey error {MECHANISM_INVALID} 1 0")
    with pytest.raises(CustodyError):
        PKCS11Root.create(directory, hsm.token(), PIN)
    assert not (directory / ROOT_FILE).exists()


# --- over a network ---------------------------------------------------------------------------------------------------

CLIENT = Path("/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so")


@contextmanager
def served(hsm: Hsm) -> Iterator[None]:
    """p11-kit's server, for SoftHSM, in a process group of its own."""
    socket = hsm.directory / "p11.sock"
    socket.unlink(missing_ok=True)
    url = f"pkcs11:token={hsm.label.replace(' ', '%20')}"
    command = ["p11-kit", "server", "-f", "-n", str(socket), "--provider", str(SOFTHSM), url]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while not socket.exists():
            assert server.poll() is None
            threading.Event().wait(0.01)
        yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_a_network_hsm_that_dies_is_out_of_reach_until_it_is_back(
    hsm: Hsm, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed("p11-kit", CLIENT)
    monkeypatch.setenv("P11_KIT_SERVER_ADDRESS", f"unix:path={hsm.directory / 'p11.sock'}")
    token = connection.Token(CLIENT, hsm.label, pin_file=hsm.pin_file)
    with served(hsm):
        root = PKCS11Root.create(directory, token, PIN)
        # p11-kit 0.24 carries no mechanism with parameters, and no key wrap.
        assert json.loads((directory / ROOT_FILE).read_text())["mechanism"] == "AES key wrap by blocks"
        wrapped = root.wrap(KEY, CONTEXT)
    for _ in range(2):
        with pytest.raises(OutOfReach):
            root.unwrap(wrapped, CONTEXT)
    with pytest.raises(OutOfReach):
        root.random(32)
    with served(hsm):
        assert root.unwrap(wrapped, CONTEXT) == KEY
        root.close()


def test_a_software_root_does_not_stand_in_for_a_token(hsm: Hsm, directory: Path, root: PKCS11Root) -> None:
    root.close()
    (directory / ROOT_FILE).unlink()
    SoftwareRoot.create(directory, KEY).close()
    with pytest.raises(CustodyError, match="of another token"):
        PKCS11Root.open(directory, hsm.token(), PIN)
    with pytest.raises(Exception, match="is of the kind key-file"):
        open_root("pkcs11", directory)
