"""SoftHSM, for real, and a module that errs on command (custody/shim.c)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from keystead.custody.connection import Token

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN, SO_PIN = b"31-pin-52", b"so-pin-87"


def installed(*what: str | Path) -> None:
    """Skip unless programs and files are there; in CI they must be."""
    missing = [str(each) for each in what if not (each.exists() if isinstance(each, Path) else shutil.which(each))]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI has no {', '.join(missing)}: see .ci/run")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: docs/how-to/run-the-tests.md says what is needed")


@dataclass
class Hsm:
    """SoftHSM with one token, behind the shim.

    Attributes:
        directory: where its tokens, the PIN's file and the shim's control file are.
        module: what to load.
    """

    directory: Path
    module: Path
    label: str = "keystead test"

    @classmethod
    def make(cls, directory: Path, module: Path, setenv: Callable[[str, str], object]) -> Hsm:
        hsm = cls(directory, module)
        hsm.tokens.mkdir(parents=True)
        config = directory / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {hsm.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        setenv("SOFTHSM2_CONF", str(config))
        setenv("KEYSTEAD_SHIM_CONTROL", str(hsm.control))
        setenv("KEYSTEAD_SHIM_LOG", str(hsm.log))
        hsm.add_token(hsm.label)
        hsm.write_pin(PIN)
        return hsm

    @property
    def tokens(self) -> Path:
        return self.directory / "tokens"

    @property
    def control(self) -> Path:
        return self.directory / "control"

    @property
    def log(self) -> Path:
        return self.directory / "calls"

    @property
    def pin_file(self) -> Path:
        return self.directory / "pin"

    def add_token(self, label: str) -> None:
        pins = ["--so-pin", SO_PIN.decode(), "--pin", PIN.decode()]
        command = ["softhsm2-util", "--init-token", "--free", "--label", label, *pins]
        subprocess.run(command, check=True, capture_output=True)

    def objects(self) -> set[Path]:
        """The files of what is in its tokens."""
        return {
            path for path in self.tokens.glob("*/*") if path.name not in ("token.object", "token.lock", "generation")
        }

    def write_pin(self, pin: bytes) -> None:
        self.pin_file.unlink(missing_ok=True)
        self.pin_file.write_bytes(pin + b"\n")
        self.pin_file.chmod(0o600)

    def token(self, *, key: str = "keystead", typed: bool = False) -> Token:
        return Token(self.module, self.label, key, None if typed else self.pin_file)

    def errs(self, *rules: str) -> None:
        """Have the module err: FUNCTION ACTION VALUE FIRST LAST [WHEN], each; nothing for no more."""
        part = self.control.with_suffix(".part")
        part.write_text("".join(f"{rule}\n" for rule in rules) or f"# {os.urandom(8).hex()}\n")
        part.replace(self.control)

    def calls(self, name: str = "") -> int:
        """How many calls of a function there were, or of all, since the last `forget_calls`."""
        called = self.log.read_text().split() if self.log.exists() else []
        return len(called) if not name else called.count(name)

    def forget_calls(self) -> None:
        self.log.unlink(missing_ok=True)


def compile_shim(directory: Path) -> Path:
    """The shim, in front of SoftHSM."""
    installed("gcc", SOFTHSM, "softhsm2-util")
    source, made = Path(__file__).parent / "custody" / "shim.c", directory / "shim.so"
    flags = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", f'-DREAL="{SOFTHSM}"']
    subprocess.run(["gcc", *flags, "-o", str(made), str(source), "-ldl"], check=True)
    return made
