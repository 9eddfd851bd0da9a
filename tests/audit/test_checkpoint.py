"""A log that was tampered with does not verify against a checkpoint that was kept."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keystead.audit.checkpoint import Checkpoint, integrate, verifier_key, verify_log
from keystead.audit.log import Event
from keystead.audit.merkle import CompactRange, Tree, leaf_hash
from keystead.errors import TamperError

NAME = "example.com/keystead"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
Log = list[tuple[int, bytes]]


def log_of(number: int) -> Log:
    return [
        (sequence, Event(time=sequence, operation="Get", status="Success", name=f"caller {sequence}").encode())
        for sequence in range(1, number + 1)
    ]


def checkpoint_of(log: Log) -> Checkpoint:
    tree = CompactRange()
    integrate(tree, log)
    return Checkpoint(NAME, tree.size, tree.root())


def test_a_checkpoint_is_the_text_that_the_standard_gives() -> None:
    note = Checkpoint(NAME, 3, bytes(32)).sign("key", PUBLIC, KEY.sign)
    lines = note.split("\n")
    assert lines[:4] == [NAME, "3", base64.b64encode(bytes(32)).decode(), ""]
    assert lines[4].startswith("— key ")
    assert lines[5:] == [""]
    assert Checkpoint.verify(note, "key", PUBLIC) == Checkpoint(NAME, 3, bytes(32))


def test_the_known_note_of_the_go_implementation_verifies() -> None:
    """The example of golang.org/x/mod/sumdb/note: a verifier key, and a note that it signed."""
    name = "PeterNeumann"
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    public = base64.b64decode(key.split("+", 2)[2])[1:]
    assert verifier_key(name, public) == key
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    signed = f"{text}\n— {name} {signature}\n"
    with pytest.raises(TamperError, match="is not a checkpoint"):  # the signature holds; the text is another kind
        Checkpoint.verify(signed, name, public)
    with pytest.raises(TamperError, match="signature"):
        Checkpoint.verify(signed.replace("answer", "anSwer"), name, public)


def test_every_altered_character_of_a_note_is_refused() -> None:
    note = checkpoint_of(log_of(5)).sign("key", PUBLIC, KEY.sign)
    for position in range(len(note)):
        for other in ("A", "1", "\n", " ", "—", ""):
            altered = note[:position] + other + note[position + 1 :]
            if altered != note:
                try:
                    found = Checkpoint.verify(altered, "key", PUBLIC)
                except TamperError:
                    continue
                pytest.fail(f"{altered!r} was read as {found}")


def test_signatures_of_others_are_passed_over_and_do_not_count() -> None:
    other = Ed25519PrivateKey.generate()
    checkpoint = checkpoint_of(log_of(5))
    foreign = checkpoint.sign("key", other.public_key().public_bytes_raw(), other.sign)
    with pytest.raises(TamperError):
        Checkpoint.verify(foreign, "key", PUBLIC)
    with pytest.raises(TamperError):
        Checkpoint.verify(checkpoint.sign("other", PUBLIC, KEY.sign), "key", PUBLIC)
    both = checkpoint.sign("key", PUBLIC, KEY.sign) + foreign.split("\n\n")[1]
    assert Checkpoint.verify(both, "key", PUBLIC) == checkpoint


@pytest.mark.parametrize("text", ["", "a\n1\n", "a\n01\n{root}\n", "a\n-1\n{root}\n", "a\n1\nAAAA\n", "\n1\n{root}\n"])
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    text = text.replace("{root}", base64.b64encode(bytes(32)).decode())
    signature = base64.b64encode(
        bytes.fromhex(verifier_key("key", PUBLIC).split("+")[1]) + KEY.sign(text.encode())
    ).decode()
    with pytest.raises(TamperError):
        Checkpoint.verify(f"{text}\n— key {signature}\n", "key", PUBLIC)


def test_a_key_name_has_no_blanks() -> None:
    for name in ("", "a b", "a+b", "a\nb"):
        with pytest.raises(ValueError, match="blanks"):
            checkpoint_of([]).sign(name, PUBLIC, KEY.sign)


def test_an_untouched_log_verifies_against_every_checkpoint() -> None:
    log = log_of(60)
    checkpoints = [checkpoint_of(log[:size]) for size in (0, 1, 7, 32, 32, 59, 60)]
    assert verify_log(log, checkpoints[::-1]).root() == checkpoints[-1].root
    assert verify_log(log[:59], checkpoints[:-1]).size == 59
    assert verify_log([], []).size == 0


ALTERATIONS: dict[str, Callable[[Log, int], Log]] = {
    "deleted": lambda log, at: [*log[:at], *log[at + 1 :]],
    "deleted and numbered anew": lambda log, at: numbered([*log[:at], *log[at + 1 :]]),
    "twice": lambda log, at: [*log[: at + 1], *log[at:]],
    "twice and numbered anew": lambda log, at: numbered([*log[: at + 1], *log[at:]]),
    "swapped": lambda log, at: numbered([*log[:at], *reversed(log[at : at + 2]), *log[at + 2 :]]),
    "cut off": lambda log, at: log[:at],
    "one put in": lambda log, at: numbered([*log[:at], (0, log[0][1]), *log[at:]]),
}


def numbered(log: Log) -> Log:
    return [(sequence, event) for sequence, (_, event) in enumerate(log, 1)]


@pytest.mark.parametrize("name", ALTERATIONS)
def test_every_alteration_at_every_place_is_found(name: str) -> None:
    """M10."""
    log = log_of(40)
    kept = [checkpoint_of(log)]
    for at in range(40):
        altered = ALTERATIONS[name](log, at)
        if altered[: len(log)] == log:
            continue  # only longer: that is for the next checkpoint to say
        with pytest.raises(TamperError):
            verify_log(altered, kept)


def test_every_flipped_bit_is_found() -> None:
    """M10."""
    log = log_of(12)
    kept = [checkpoint_of(log)]
    for position, (sequence, event) in enumerate(log):
        for bit in range(len(event) * 8):
            altered = bytearray(event)
            altered[bit // 8] ^= 1 << bit % 8
            with pytest.raises(TamperError):
                verify_log([*log[:position], (sequence, bytes(altered)), *log[position + 1 :]], kept)


def test_a_fork_is_found_and_where_it_began_is_said() -> None:
    log = log_of(40)
    kept = [checkpoint_of(log[:size]) for size in (10, 20, 30)]
    fork = [*log[:14], *((sequence, b"other") for sequence, _ in log[14:])]
    with pytest.raises(TamperError, match="between event 11 and event 20"):
        verify_log(fork, kept)


def test_checkpoints_of_another_log_are_refused() -> None:
    log = log_of(4)
    with pytest.raises(TamperError):
        verify_log(log, [checkpoint_of(log), Checkpoint("other", 0, CompactRange().root())])


def test_a_tree_goes_on_where_it_was() -> None:
    log = log_of(30)
    tree = CompactRange()
    integrate(tree, log[:11])
    again = CompactRange.load(tree.dump())
    integrate(again, log[11:])
    assert again.root() == Tree(leaf_hash(event) for _, event in log).root()
    with pytest.raises(TamperError, match="event 12 where event 31"):
        integrate(again, log[11:])
