"""keystead backup: back up, verify, restore."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keystead.cli.commands import Commands
from keystead.cli.options import config_option, json_option, load_config
from keystead.cli.tables import Columns, show
from keystead.cli.unlocking import Given, opening_options, present_root, root_of
from keystead.config import Config
from keystead.errors import ConfigError, CustodyError

if TYPE_CHECKING:
    from keystead.custody import RootOfTrust
    from keystead.engine.backup import Files
    from keystead.engine.restore import File

CLASSES: Final = ("configuration", "ca", "keys")
_UNITS: Final = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}
OUTSIDE: Final = "elsewhere/"
"""In front of the name, in a backup, of a file that does not lie under the configuration's directory."""


@click.group(cls=Commands)
def backup() -> None:
    """Back up, verify and restore.

    A backup is one file, sealed to the root of trust: whoever has it and not the custodians (or the HSM, the
    passphrase, the key file) has nothing.  It is of one moment, however busy the server is.

    \b
    Examples:
      keystead backup create
      keystead backup verify --deep keystead-2026-11-28T020000Z.keystead
      keystead backup list /backup
      keystead backup restore keystead-2026-11-28T020000Z.keystead
    """


class Rate(click.ParamType[int]):
    """Bytes a second, such as 20M."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        found = re.fullmatch(r"(\d+)([kMG]?)", str(value))
        if found is None or not int(found[1]):
            self.fail("is bytes a second: 500k, 20M, 1G", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


class_option = click.option(
    "--class", "classes", multiple=True, type=click.Choice(CLASSES), help="Only this; may be given again."
)


# --- create -----------------------------------------------------------------------------------------------------------


@backup.command()
@click.argument("named", metavar="[FILE]", default=".", type=click.Path())
@config_option
@class_option
@click.option("--rate", type=Rate(), help="At most so many bytes a second: 500k, 20M, 1G.")
@json_option
def create(named: str, config_path: Path | None, classes: tuple[str, ...], rate: int | None, as_json: bool) -> None:
    """Make a backup in FILE, or in a directory, while the server serves.

    Into it go the configuration with the server's certificate, the authority (ca), and the keys: the root of trust as
    it lies on the disk, the keys of the zones as it wrapped them, and the whole database, the record of events too.
    What opens the root of trust is never in it.

    \b
    Examples:
      keystead backup create
      keystead backup create /backup/ --rate 20M
      keystead backup create keys.keystead --class keys
    """
    import base64

    from keystead.cli.administration import administration, show_progress
    from keystead.custody.archive import FileKey
    from keystead.custody.keks import open_keks
    from keystead.engine import backup as backups
    from keystead.store import open as open_store

    config = load_config(config_path)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    file = Path(named)
    if not file.is_dir() and named.endswith("/"):
        raise ConfigError(f"{named}: there is no such directory")
    if file.is_dir():
        file = file / f"keystead-{stamp}{backups.SUFFIX}"
    chosen = classes or CLASSES

    with (
        administration(config) as administrator,
        closing(open_store(config.store.url)) as store,
        closing(open_keks(config.custody.directory)) as keks,
    ):

        def seal(digest: bytes) -> FileKey:
            found = administrator.call("backup_key", digest=digest)
            return FileKey(base64.b64decode(found["plain"]), base64.b64decode(found["wrapped"]), found["root"])

        def progress(what: str, done: int, total: int) -> None:
            show_progress({"what": what, "done": done, "total": total})

        counts = backups.create(
            file,
            store,
            keks,
            seal,
            _files(config),
            classes=tuple(chosen),
            origin=config.audit.origin,
            bytes_per_second=rate,
            progress=progress,
        )
    size = file.stat().st_size
    if as_json:
        click.echo(json.dumps({"file": str(file), "bytes": size, "classes": list(chosen), "objects": counts.objects}))
        return
    click.echo(f"{file}: {', '.join(chosen)}; {counts.objects:,} objects, {counts.events:,} events, {_size(size)}.")
    click.echo(f"See that it can be restored:  keystead backup verify --deep {file}")


def _files(config: Config) -> Files:
    from keystead.cli.layout import Layout
    from keystead.custody.rootfile import ROOT_FILE
    from keystead.engine.backup import Files

    layout, server = Layout(config.directory), config.server
    configuration: list[Path | None] = [
        config.file,
        server.certificate,
        server.private_key,
        server.client_ca,
        server.client_crl,
    ]
    authority: list[Path | None] = [layout.ca, layout.ca_key]

    def named(paths: list[Path | None]) -> dict[str, Path]:
        found = {}
        for path in paths:
            if path is not None and path.exists():
                try:
                    found[str(path.absolute().relative_to(config.directory.absolute()))] = path
                except ValueError:
                    found[OUTSIDE + path.name] = path
        return found

    custody = {name: config.custody.directory / name for name in (ROOT_FILE, "custodians.json")}
    return Files(
        named(configuration), named(authority), {name: path for name, path in custody.items() if path.exists()}
    )


# --- list and verify --------------------------------------------------------------------------------------------------


@backup.command("list")
@click.argument("directory", default=".", type=click.Path(path_type=Path, file_okay=False, exists=True))
@json_option
def list_backups(directory: Path, as_json: bool) -> None:
    """List the backups in DIRECTORY by what they say of themselves.  Only verify proves it.

    \b
    Examples:
      keystead backup list /backup
      keystead backup list --json | jq -r '.[-1].file'
    """
    from keystead.engine.backup import SUFFIX, read_header
    from keystead.errors import KeysteadError

    rows: list[dict[str, Any]] = []
    for file in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            header = read_header(file)
            names = ("created", "origin", "objects", "events", "classes", "root", "identifier", "keystead")
            rows.append({"file": str(file), "bytes": file.stat().st_size, **{n: header.get(n) for n in names}})
        except KeysteadError as error:
            rows.append({"file": str(file), "bytes": file.stat().st_size, "fault": str(error)})
    if rows or as_json:
        show(rows, COLUMNS, as_json)
    else:
        click.echo(f"There are no backups in {directory}.")


COLUMNS: Final[Columns] = {
    "file": lambda row: Path(row["file"]).name,
    "created": lambda row: row.get("fault") or row["created"][:16].replace("T", " "),
    "objects": lambda row: f"{row['objects']:,}" if "objects" in row else "",
    "classes": lambda row: "all" if row.get("classes") == [*CLASSES] else ", ".join(row.get("classes", ())),
    "size": lambda row: _size(row["bytes"]),
}


@backup.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@config_option
@click.option("--deep", is_flag=True, help="Open every object: a rehearsal of a restore.")
@opening_options
@json_option
def verify(
    file: Path,
    config_path: Path | None,
    deep: bool,
    given: Given,
    as_json: bool,
) -> int:
    """Read FILE to its end and see that it is whole, unaltered, and adds up.  Nothing is changed.

    Whoever restores it needs the same: of a root that is shared, enough custodians' shares.

    \b
    Examples:
      keystead backup verify keystead-2026-11-28T020000Z.keystead
      keystead backup verify --deep /backup/last.keystead --share-file ada.txt --share-file grace.txt
    """
    from keystead.cli.administration import show_progress
    from keystead.engine import backup as backups
    from keystead.engine import restore as restoring

    header = backups.read_header(file)
    with root_of(header, config_path, given) as root:
        found = restoring.verify(
            file,
            root,
            deep=deep,
            progress=lambda what, done, total: show_progress({"what": what, "done": done, "total": total}),
        )
    facts = {
        "file": str(file), "created": header["created"], "classes": header["classes"], "keys": found.keks,
        "objects": found.objects, "opened": found.opened, "damaged": found.damaged, "events": found.events,
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(facts))
    else:
        click.echo(f"{file} is whole: {found.objects:,} objects and {found.events:,} events as of {header['created']}.")
        if deep:
            click.echo(f"Every one of {found.opened:,} objects opens." if not found.damaged else "These do not open:")
            for name in found.damaged:
                click.echo(f"  {name}")
    return 1 if found.damaged else 0


# --- restore ----------------------------------------------------------------------------------------------------------


@backup.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@config_option
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Make a new installation there.")
@class_option
@opening_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(
    file: Path,
    config_path: Path | None,
    directory: Path | None,
    classes: tuple[str, ...],
    given: Given,
    yes: bool,
) -> None:
    """Put FILE in the place of what an installation holds, or make a new installation of it.

    The server must not run.  Of an installation that there is, the keys are replaced, unless --class says otherwise;
    keys that were destroyed since the backup was made stay destroyed, those that were made since are gone, and that
    is on record.  After a crash in the middle the keys are as they were before; files of the other classes are put
    there one by one: restore them again.  If the root of trust was rotated since, it opens first as it was then, next
    as it is now: give the share files in that order.

    \b
    Examples:
      keystead backup restore last.keystead --dir /var/lib/keystead --share-file ada.txt --share-file grace.txt
      keystead backup restore last.keystead --config /var/lib/keystead/keystead.toml
      keystead backup restore last.keystead --class ca
    """
    from keystead.cli.roots import recorded
    from keystead.engine import backup as backups
    from keystead.engine import restore as restoring

    header = backups.read_header(file)
    if directory is not None:
        if config_path is not None:
            raise ConfigError("--dir makes a new installation, --config names one that there is: say one of them")
        if classes and set(classes) != set(CLASSES):
            raise ConfigError("a new installation needs all of a backup: leave --class out")
        _must_hold(header, CLASSES)
        _restore_new(file, header, directory.resolve(), given)
        return
    config = load_config(config_path)
    chosen = tuple(name for name in CLASSES if name in (classes or ("keys",)))
    _must_hold(header, chosen)
    _must_not_run(config)
    if not yes:
        click.confirm(f"Replace the {', '.join(chosen)} here by those of {header['created']}?", abort=True)
    with root_of(header, config_path, given) as root:
        found = restoring.files(file, root)  # of all: nothing is written before it is known to be whole
        _must_not_run(config)  # custodians take their time
        if "keys" in chosen:
            _put_back_root(config, root, found["keys"])
            with present_root(config, header, root, given.share_files) as own:
                _must_not_run(config)
                _restore_keys(file, root, config, own)
    if files := [name for name in chosen if name != "keys"]:
        said = f"{', '.join(files)} as of {header['created']}"
        with recorded(config, "Restore Backup", f"backup {header['identifier']}: {said}"):
            for name in files:
                _write_files(config.directory, found[name])
        click.echo(f"Restored: {said}.")


def _must_hold(header: dict[str, Any], classes: tuple[str, ...]) -> None:
    if missing := [name for name in classes if name not in header["classes"]]:
        raise ConfigError(f"there is no {', '.join(missing)} in this backup; it holds {', '.join(header['classes'])}")


def _restore_new(
    file: Path,
    header: dict[str, Any],
    directory: Path,
    given: Given,
) -> None:
    """Make an installation beside the place where it belongs, and put it there when it is whole."""
    import os
    import shutil

    from keystead.custody.files import belong, make_directory, sync_directory, write_private
    from keystead.custody.rootfile import KEY_FILE
    from keystead.engine import restore as restoring

    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise ConfigError(f"{directory} is not empty: name a new directory, or --config of the installation in it")
    if os.path.ismount(directory):
        raise ConfigError(f"{directory} is a mount point and cannot be put there as a whole: name a directory in it")
    part = directory.with_name(f".{directory.name}.restoring")
    shutil.rmtree(part, ignore_errors=True)
    make_directory(part)
    if directory.exists():  # by whoever its server will run as
        belong(part, directory)
    try:
        with root_of(header, None, given, present=False) as root:
            found = restoring.files(file, root)
            for name in ("configuration", "ca"):
                _write_files(part, found[name])
            name = found["configuration"][0].name  # the file itself comes first
            config = Config.load(part / name)
            for what, place in (("[custody] directory", config.custody.directory), ("[store] url", config.store.path)):
                # Lexically is not enough: this may be the machine where the other one runs.
                if place is None or not place.resolve().is_relative_to(part):
                    raise ConfigError(
                        f"{what}: the configuration in the backup names {place}, which is not in its own directory, and"
                        " may be another server's. Make a server with keystead init, and restore the keys with --config"
                    )
            _write_files(config.custody.directory, found["keys"])
            opens = config.custody.key_file or config.custody.directory / KEY_FILE
            if given.key_file is not None and opens.resolve().is_relative_to(part):
                write_private(opens, given.key_file.read_bytes())
            _restore_keys(file, root, config, root)
        if directory.exists():
            directory.rmdir()
        part.replace(directory)
        sync_directory(directory.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    click.echo(f"Start it:  keystead serve --config {directory / name}")


def _restore_keys(file: Path, root: RootOfTrust, config: Config, own: RootOfTrust) -> None:
    import os

    from keystead.cli.administration import show_progress
    from keystead.engine import restore as restoring
    from keystead.engine.administration import operator_of
    from keystead.engine.engine import Engine
    from keystead.errors import TamperError

    try:
        engine = Engine.open(config, own)
    except TamperError as error:
        raise TamperError(f"{error}: move {config.store.path} away with all that begins so, and restore anew") from None
    with closing(engine):
        done = restoring.restore(
            file,
            root,
            engine,
            operator=operator_of(os.geteuid()),
            progress=lambda what, done, total: show_progress({"what": what, "done": done, "total": total}),
        )
    click.echo(f"Restored: {done}.")


def _put_back_root(config: Config, then: RootOfTrust, files: Sequence[File]) -> None:
    """Where the root of trust was lost, that of the backup takes its place again, unless keys are there of another."""
    from keystead.custody.keks import open_keks
    from keystead.custody.rootfile import ROOT_FILE

    directory = config.custody.directory
    if (directory / ROOT_FILE).exists():
        return
    with closing(open_keks(directory)) as keks:
        if keks.root() not in (None, then.identifier):
            raise CustodyError(
                f"{ROOT_FILE} is lost, and this backup is of another root of trust than the keys that are here: restore"
                f" one of the root {keks.root()}, or move {directory} away"
            )
    _write_files(directory, files)
    click.echo(f"{ROOT_FILE} was lost and is as it was then.")


def _write_files(directory: Path, files: Sequence[File]) -> None:
    """Write files of a backup under a directory, each whole or not at all."""
    from keystead.custody.files import write_private

    for each in files:
        target = directory / each.name
        if each.name.startswith(OUTSIDE):
            click.echo(f"{target}: it lay outside the installation; put it where the configuration names it.", err=True)
        write_private(target, each.content, replace=True)
        target.chmod(each.mode & 0o644)


def _must_not_run(config: Config) -> None:
    from keystead.cli.administration import connect

    found = connect(config.custody.directory)
    if found is not None:
        found.close()
        raise ConfigError("the server runs: stop it first, then restore")


def _size(size: int) -> str:
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
