"""What opens a backup: the root of trust that sealed it, as it was then, and the one that there is now."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keystead.cli.options import load_config
from keystead.cli.tables import printable
from keystead.config import Config
from keystead.errors import ConfigError, CustodyError

if TYPE_CHECKING:
    from keystead.custody import Means, RootOfTrust


@dataclass(frozen=True, slots=True)
class Given:
    """What was said of how to open the root of trust that sealed a backup."""

    share_files: tuple[Path, ...] = ()
    key_file: Path | None = None
    passphrase_file: Path | None = None
    module: Path | None = None
    pin_file: Path | None = None


def opening_options(command: Any) -> Any:
    """Give a command what opens the root of trust that sealed a backup, as one argument `given`."""
    existing = click.Path(path_type=Path, dir_okay=False, exists=True)

    @functools.wraps(command)
    def with_given(*args: Any, **options: Any) -> Any:
        given = Given(**{row.name: options.pop(row.name) for row in fields(Given)})
        return command(*args, given=given, **options)

    for option in (
        click.option("--pin-file", type=existing, help="The PIN of the token, instead of asking."),
        click.option("--module", type=existing, help="The PKCS#11 module of the HSM."),
        click.option("--passphrase-file", type=existing, help="The passphrase, instead of asking."),
        click.option("--key-file", type=existing, help="The key file of the root of trust of then."),
        click.option(
            "--share-file", "share_files", multiple=True, type=existing, help="A custodian's share; one for each."
        ),
    ):
        with_given = option(with_given)
    return with_given


@contextmanager
def root_of(
    header: dict[str, Any],
    config_path: Path | None,
    given: Given,
    *,
    present: bool = True,
) -> Iterator[RootOfTrust]:
    """Open the root of trust that sealed a backup, as it was then.

    Args:
        present: what opens it may be that of an installation that is there; if it is the same root, as it is now.
    """
    from keystead.custody import open_root
    from keystead.custody.rootfile import ROOT_FILE, read_head, write_head

    head = header["root_file"]
    if head is None:
        raise CustodyError("this backup has no root of trust in it, which would open it")
    config = None
    if present or (head.get("kind") == "pkcs11" and given.module is None):
        with suppress(*(() if config_path else (ConfigError,))):
            config = load_config(config_path)
    if present and config is not None:
        with suppress(CustodyError, ValueError):  # it may be lost
            now = read_head(config.custody.directory)
            if now.get("identifier") == head.get("identifier"):
                head = now  # which may have other shares, or another passphrase
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        write_head(directory, ROOT_FILE, head, replace=False)
        if head.get("kind") == "shares":
            from keystead.cli.ceremony import gather
            from keystead.custody.shares import Custodians
            from keystead.custody.software import SoftwareRoot

            root: RootOfTrust = SoftwareRoot.open(directory, gather(Custodians.load(head), given.share_files))
        else:
            root = open_root(str(head.get("kind")), directory, _means(head, config, given))
        with closing(root):
            yield root


def _means(head: dict[str, Any], config: Config | None, given: Given) -> Means:
    """What opens a root that is not one of shares: what was given, else what a configuration names."""
    from keystead.cli.opening import passphrase, pin, token_of
    from keystead.custody import Means
    from keystead.custody.rootfile import KEY_FILE

    custody, key_file, token = config.custody if config is not None else None, given.key_file, None
    if head.get("kind") == "key-file" and key_file is None:
        if custody is None:
            raise ConfigError("--key-file: this backup is opened by the key file of its server (custody/root.key)")
        key_file = custody.key_file or custody.directory / KEY_FILE
    if head.get("kind") == "pkcs11":
        from keystead.custody.pkcs11 import Token

        key = str(head.get("key"))
        if given.module is not None:
            token = Token(given.module, str(head.get("token")), key)
        elif config is not None:
            token = replace(token_of(config), key=key)
        else:
            named = printable(str(head.get("token")))
            raise ConfigError(f"--module: this backup is opened by an HSM, token {named}: name its PKCS#11 module")
    return Means(
        key_file=key_file,
        passphrase=functools.partial(
            passphrase, given.passphrase_file or (custody.passphrase_file if custody else None)
        ),
        token=token,
        pin=functools.partial(pin, given.pin_file or (custody.pin_file if custody else None)),
    )


@contextmanager
def present_root(
    config: Config, header: dict[str, Any], then: RootOfTrust, share_files: tuple[Path, ...]
) -> Iterator[RootOfTrust]:
    """Open the root of trust that an installation has now; it is the backup's, unless it was rotated since.

    Args:
        share_files: those that opened the backup's root come first.
    """
    from keystead.cli.opening import open_root
    from keystead.custody.rootfile import read_head

    head = read_head(config.custody.directory)
    if head.get("identifier") == then.identifier:
        yield then
    elif head.get("kind") == "shares":
        from keystead.cli.ceremony import gather
        from keystead.custody.shares import Custodians
        from keystead.custody.software import SoftwareRoot

        before = header["root_file"]
        used = Custodians.load(before).threshold if before.get("kind") == "shares" else 0
        click.echo("The root of trust was rotated since: now the custodians of today.", err=True)
        key = gather(Custodians.load(head), share_files[used:])
        with closing(SoftwareRoot.open(config.custody.directory, key)) as own:
            yield own
    else:
        with closing(open_root(config)) as own:
            yield own
