"""Split knowledge: any k of n custodians open the root, and fewer do not; whatever else is said is refused alike."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from shamir_mnemonic import MnemonicError, combine_mnemonics
from shamir_mnemonic.share import Share

from keystead.custody.acknowledged import CUSTODIANS_FILE, acknowledge, acknowledged
from keystead.custody.shares import (
    MOST_SHARES,
    PROGRESS_SECONDS,
    REFUSED,
    Ceremony,
    Custodians,
    Progress,
    sheet,
    split,
    well_formed,
    words,
)
from keystead.custody.software import ROOT_FILE, SoftwareRoot
from keystead.errors import CustodyError, StoreError, TamperError

NAMES = ("Ada", "Grace", "Hedy", "Ida", "Joan")
Set = tuple[Custodians, tuple[str, ...], bytes]


@pytest.fixture(scope="module")
def made() -> Set:
    return split(NAMES, 3)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def refusal(attempt: Callable[[], object]) -> str:
    with pytest.raises(CustodyError) as error:
        attempt()
    assert error.value.__cause__ is None
    return str(error.value)


# --- splitting --------------------------------------------------------------------------------------------------------


def test_any_three_of_five_open_and_no_two_do(made: Set) -> None:
    custodians, shares, key = made
    assert len(key) == 32
    for chosen in itertools.combinations(range(5), 3):
        assert custodians.combine({number: shares[number] for number in chosen}) == key
    for two in itertools.combinations(shares, 2):
        with pytest.raises(MnemonicError):
            combine_mnemonics(two)
    assert len(set(shares)) == 5
    assert split(NAMES, 3)[2] != key


@pytest.mark.parametrize(("number", "threshold"), [(2, 2), (16, 16), (16, 2)])
def test_as_many_as_may_hold_shares(number: int, threshold: int) -> None:
    custodians, shares, key = split([f"custodian {n}" for n in range(number)], threshold)
    chosen = [*range(0, number, 2), *range(1, number, 2)][:threshold]
    assert custodians.combine({at: shares[at] for at in chosen}) == key


@pytest.mark.parametrize(
    ("names", "threshold"),
    [
        (("Ada",), 1), (("Ada", "Grace"), 1), (("Ada", "Grace"), 3), (("Ada",), 2), ((), 0),
        (tuple(f"c{n}" for n in range(MOST_SHARES + 1)), 3),
        (("Ada", "ada"), 2), (("Ada", "Ａda"), 2), (("Ada", ""), 2), (("Ada", " Grace"), 2),
        (("Ada", "Gr\nace"), 2), (("Ada", "G" * 65), 2), (("Ada", "Gr\x1b[2Jace"), 2),
    ],
)  # fmt: skip
def test_what_would_not_be_split_knowledge_is_refused(names: tuple[str, ...], threshold: int) -> None:
    with pytest.raises(CustodyError):
        split(names, threshold)


def test_the_record_tells_who_holds_what_and_no_share(made: Set) -> None:
    custodians, shares, key = made
    dumped = custodians.dump()
    assert Custodians.load({"kdf": dumped}) == custodians
    text = json.dumps(dumped)
    assert all(name in text for name in NAMES)
    for secret in [key, *(Share.from_mnemonic(share).value for share in shares)]:
        assert secret.hex() not in text
        assert base64.b64encode(secret).decode() not in text
    for wrong in ({}, {"kdf": None}, {"kdf": {**dumped, "threshold": 1}}, {"kdf": {**dumped, "digests": []}},
                  {"kdf": {**dumped, "threshold": 6}}, {"kdf": {**dumped, "salt": "?"}}):  # fmt: skip
        with pytest.raises(CustodyError, match="not opened by shares"):
            Custodians.load(wrong)


# --- sheets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["\x1b[2J", "Ada\n", "", "x" * 65, "Grace"])
def test_a_record_that_could_not_have_been_made_is_refused(made: Set, name: str) -> None:
    kdf = made[0].dump()
    kdf["custodians"][0] = name
    assert "not opened by shares" in refusal(lambda: Custodians.load({"kdf": kdf}))


def test_a_sheet_says_whose_it_is_and_is_read_back_as_it_was_printed(made: Set) -> None:
    custodians, shares, _ = made
    for number, share in enumerate(shares):
        text = sheet(custodians, number, share, "2026-11-28 04:00 UTC, kms1")
        assert f"custodian   {NAMES[number]}\n" in text
        assert f"share       {number + 1} of 5; any 3 open" in text
        assert f"set         {custodians.identifier}" in text
        assert "2026-11-28 04:00 UTC, kms1" in text
        assert "signature" in text
        assert max(map(len, text.splitlines())) < 80 or NAMES[number] in text
        assert words(text) == share
        assert custodians.accept(NAMES[number], text) == number


def test_a_share_may_be_typed_in_many_ways_and_a_slip_of_the_pen_is_told(made: Set) -> None:
    share = made[1][0]
    for typed in (share.upper(), share.replace(" ", "\n"), f"  {share} \r\n", share.replace(" ", ", "),
                  " ".join(f"{at}.{word}" for at, word in enumerate(share.split(), 1))):  # fmt: skip
        assert words(typed) == share
        assert well_formed(typed)
    listed = share.split()
    for at in range(len(listed)):
        assert not well_formed(" ".join([*listed[:at], *listed[at + 1 :]]))
        assert not well_formed(" ".join([*listed[:at], "academic" if listed[at] != "academic" else "acid",
                                         *listed[at + 1 :]]))  # fmt: skip
    for wrong in ("", "word", share + " word", share * 200, "\0", "½" * 100, "# " + share):
        assert not well_formed(wrong)


# --- the ceremony -----------------------------------------------------------------------------------------------------


def test_z11_whatever_is_wrong_is_refused_in_one_text_and_spoils_nothing(made: Set) -> None:
    custodians, shares, key = made
    opened: list[bytes] = []
    ceremony = Ceremony(custodians, opened.append)
    foreign, alien = split(NAMES, 3)[1], split(("Eve", "Mallory"), 2)[1]
    wrong = {
        "of another set": ("Grace", foreign[1]),
        "of other custodians": ("Eve", alien[0]),
        "another's": ("Grace", shares[2]),
        "nobody's": ("Eve", shares[1]),
        "no name": ("", shares[1]),
        "a word missing": ("Grace", " ".join(shares[1].split()[:-1])),
        "a word wrong": ("Grace", shares[1].replace(shares[1].split()[9], "acid", 1)),
        "nothing": ("Grace", ""),
        "too long": ("Grace", shares[1] * 1000),
        "given already": ("Ada", shares[0]),
        "given already, in capitals": ("ADA", shares[0].upper()),
    }
    assert ceremony.submit("Ada", shares[0]).given == 1
    said = {what: refusal(lambda who=who, share=share: ceremony.submit(who, share))  # type: ignore[misc]
            for what, (who, share) in wrong.items()}  # fmt: skip
    said |= {f"take back {what}": refusal(lambda who=who, share=share: ceremony.withdraw(who, share))  # type: ignore[misc]
             for what, (who, share) in wrong.items() if not what.startswith("given")}  # fmt: skip
    assert set(said.values()) == {REFUSED}, said
    assert ceremony.progress.given == 1
    assert not opened  # fewer than three open nothing
    assert ceremony.submit("grace", shares[1]).given == 2  # a name is what people read
    assert not opened
    assert ceremony.submit("Hedy", shares[2]).given == 3
    assert opened == [key]
    assert ceremony.progress.given == 0


def test_z11_every_share_is_compared_with_every_digest(made: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work does not tell a share that is nearly right from one that is nothing."""
    custodians, shares, _ = made
    compared: list[int] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: (compared.append(1), compare(a, b))[1])
    work = []
    for who, share in (("Ada", shares[0]), ("Joan", shares[4]), ("Ada", shares[1]), ("Eve", "nothing"), ("", "")):
        compared.clear()
        with suppress(CustodyError):
            custodians.accept(who, share)
        work.append(len(compared))
    assert work == [5] * 5


def test_z10_nobody_takes_back_what_another_gave(made: Set) -> None:
    custodians, shares, _ = made
    ceremony = Ceremony(custodians, lambda key: None)
    ceremony.submit("Ada", shares[0])
    ceremony.submit("Grace", shares[1])
    for who, share in (("Ada", shares[1]), ("Grace", shares[0]), ("Hedy", shares[0]), ("Hedy", shares[2]), ("Ada", "")):
        assert refusal(lambda who=who, share=share: ceremony.withdraw(who, share)) == REFUSED  # type: ignore[misc]
    assert ceremony.progress.given == 2
    assert ceremony.withdraw("Ada", shares[0]).given == 1
    assert refusal(lambda: ceremony.withdraw("Ada", shares[0])) == REFUSED
    assert ceremony.submit("Ada", shares[0]).given == 2
    assert not any(hasattr(ceremony, verb) for verb in ("cancel", "reset", "clear", "abort"))


def test_what_cannot_be_recorded_does_not_count(made: Set) -> None:
    custodians, shares, key = made
    opened: list[bytes] = []
    said: list[tuple[str, str]] = []
    ceremony = Ceremony(custodians, opened.append)

    def record(name: str, progress: Progress) -> None:
        said.append((name, str(progress)))

    def fails(name: str, progress: Progress) -> None:
        raise StoreError("the disk is full")

    for number, typed in enumerate((" ada", "GRACE", "Hedy")):
        with pytest.raises(StoreError):
            ceremony.submit(typed, shares[number], fails)
        assert ceremony.progress.given == number
        assert not opened
        if number:
            with pytest.raises(StoreError):
                ceremony.withdraw("Ada", shares[0], fails)
        assert ceremony.progress.given == number
        ceremony.submit(typed, shares[number], record)
    assert opened == [key]
    assert said == [("Ada", "1 of 3"), ("Grace", "2 of 3"), ("Hedy", "3 of 3")]  # as they are on record


def test_a_ceremony_expires_from_its_first_share(made: Set) -> None:
    custodians, shares, key = made
    clock, opened = Clock(), []
    ceremony = Ceremony(custodians, opened.append, clock)
    assert ceremony.progress.expires_seconds == 0
    ceremony.submit("Ada", shares[0])
    clock.now += PROGRESS_SECONDS - 1
    assert ceremony.submit("Grace", shares[1]).expires_seconds == 1
    clock.now += 2
    assert (ceremony.progress.given, ceremony.progress.expires_seconds) == (0, 0)
    assert ceremony.submit("Hedy", shares[2]).given == 1
    assert ceremony.progress.expires_seconds == PROGRESS_SECONDS
    ceremony.submit("Ada", shares[0])
    ceremony.submit("Grace", shares[1])
    assert opened == [key]


def test_z11_right_shares_of_a_root_that_does_not_open_are_not_refused_and_not_lost(
    tmp_path: Path, made: Set, caplog: pytest.LogCaptureFixture
) -> None:
    custodians, shares, _ = made
    make_root(tmp_path, made).close()
    path = tmp_path / ROOT_FILE
    whole = path.read_text()
    opened: list[SoftwareRoot] = []
    ceremony = Ceremony(custodians, lambda key: opened.append(SoftwareRoot.open(tmp_path, key)))
    ceremony.submit("Ada", shares[0])
    ceremony.submit("Grace", shares[1])
    head = json.loads(whole)
    for damaged in (json.dumps({**head, "sealed_key": head["sealed_key"][::-1]}), whole[:100], ""):
        path.write_text(damaged)
        with pytest.raises(TamperError, match="does not open with them"):
            ceremony.submit("Hedy", shares[2])
        assert ceremony.progress.given == 2
        assert refusal(lambda: ceremony.submit("Hedy", shares[3])) == REFUSED  # as always
    path.unlink()
    with pytest.raises(TamperError, match="does not open with them"):
        ceremony.submit("Hedy", shares[2])
    assert [record.levelname for record in caplog.records] == ["CRITICAL"] * 4
    assert not any(" ".join(share.split()[10:13]) in caplog.text for share in shares)
    path.write_text(whole)
    path.chmod(0o600)
    assert str(ceremony.submit("Hedy", shares[2])) == "3 of 3"
    assert len(opened) == 1
    assert ceremony.progress.given == 0


@pytest.mark.parametrize("turn", range(10))
def test_many_at_once_open_once(made: Set, turn: int) -> None:
    custodians, shares, key = made
    opened: list[bytes] = []
    accepted: list[int] = []
    refused: list[str] = []
    ceremony = Ceremony(custodians, opened.append)
    begin = threading.Barrier(10)

    def give(number: int) -> None:
        begin.wait()
        try:
            accepted.append(ceremony.submit(NAMES[number], shares[number]).given)
        except CustodyError as error:
            refused.append(str(error))

    numbers = [*range(turn % 5, 5), *range(turn % 5), *range(5)]
    threads = [threading.Thread(target=give, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(opened) == {key}
    assert set(refused) <= {REFUSED}
    assert len(opened) == len(accepted) // 3  # ten shares of five custodians, each once in a ceremony


def test_neither_a_share_nor_a_key_is_in_what_a_ceremony_shows(made: Set) -> None:
    custodians, shares, _ = made
    ceremony = Ceremony(custodians, lambda key: None)
    ceremony.submit("Ada", shares[0])
    assert repr(ceremony) == "<Ceremony 1 of 3>"
    assert shares[0].split()[10] not in repr(ceremony) + str(ceremony.progress) + repr(ceremony.progress)


# --- with a root ------------------------------------------------------------------------------------------------------


def make_root(directory: Path, made: Set) -> SoftwareRoot:
    custodians, _, key = made
    return SoftwareRoot.create(directory, key, "shares", custodians=custodians.dump())


def test_a_root_of_shares_is_bound_to_its_custodians(tmp_path: Path, made: Set) -> None:
    """Whoever edits the record of who holds what, or how many open, has a root that opens no more."""
    custodians, _, key = made
    make_root(tmp_path, made)
    path = tmp_path / ROOT_FILE
    head = json.loads(path.read_text())
    for change in ({"threshold": 2}, {"custodians": ["Eve", *NAMES[1:]]}, {"digests": head["kdf"]["digests"][::-1]},
                   {"identifier": custodians.identifier ^ 1}, {"name": "none"}):  # fmt: skip
        path.write_text(json.dumps({**head, "kdf": {**head["kdf"], **change}}))
        with pytest.raises(CustodyError):
            SoftwareRoot.open(tmp_path, key)
    path.write_text(json.dumps(head))
    SoftwareRoot.open(tmp_path, key)


def test_every_flipped_byte_of_root_json_is_refused(tmp_path: Path, made: Set) -> None:
    _, _, key = made
    make_root(tmp_path, made).close()
    whole = (tmp_path / ROOT_FILE).read_bytes()
    for at in range(len(whole)):
        for bit in (1, 0x20, 0x80):
            altered = bytearray(whole)
            altered[at] ^= bit
            (tmp_path / ROOT_FILE).write_bytes(altered)
            with pytest.raises(CustodyError):
                SoftwareRoot.open(tmp_path, key)
    for length in range(0, len(whole) - 2, 7):
        (tmp_path / ROOT_FILE).write_bytes(whole[:length])
        with pytest.raises(CustodyError):
            SoftwareRoot.open(tmp_path, key)
    (tmp_path / ROOT_FILE).write_bytes(whole)
    SoftwareRoot.open(tmp_path, key)


def test_the_old_shares_open_nothing_after_a_rekey(tmp_path: Path, made: Set) -> None:
    _, _, key = made
    root = make_root(tmp_path, made)
    wrapped = root.wrap(b"key", b"context")
    custodians, shares, new_key = split(("Ada", "Grace", "Katherine"), 2)
    SoftwareRoot.reseal(tmp_path, key, new_key, "shares", custodians=custodians.dump())
    with pytest.raises(CustodyError):
        SoftwareRoot.open(tmp_path, key)
    there = Custodians.load(json.loads((tmp_path / ROOT_FILE).read_text()))
    for name, share in zip(NAMES, made[1], strict=True):
        assert refusal(lambda name=name, share=share: there.accept(name, share)) == REFUSED  # type: ignore[misc]
    again = SoftwareRoot.open(tmp_path, there.combine({1: shares[1], 2: shares[2]}))
    assert again.unwrap(wrapped, b"context") == b"key"
    assert again.identifier == root.identifier


# --- who acknowledged -------------------------------------------------------------------------------------------------


def test_acknowledgements_are_kept_for_the_set_there_is_and_the_one_to_come(tmp_path: Path, made: Set) -> None:
    first, second, third = made[0], split(NAMES, 2)[0], split(NAMES, 2)[0]
    assert acknowledged(tmp_path, first) == {}
    acknowledge(tmp_path, first, ["Ada"])
    acknowledge(tmp_path, first, ["Grace"])
    acknowledge(tmp_path, second, NAMES)
    assert set(acknowledged(tmp_path, first)) == {"Ada", "Grace"}  # should the second not come to be
    assert set(acknowledged(tmp_path, second)) == set(NAMES)
    acknowledge(tmp_path, third, [])
    assert acknowledged(tmp_path, first) == {}
    path = tmp_path / CUSTODIANS_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    for damaged in ("", "[]", "{}", '{"acknowledged": 7}', '{"acknowledged": {"x": 1}}'):
        path.write_text(damaged)
        assert acknowledged(tmp_path, second) == {}
    acknowledge(tmp_path, second, ["Ida"])
    assert set(acknowledged(tmp_path, second)) == {"Ida"}
