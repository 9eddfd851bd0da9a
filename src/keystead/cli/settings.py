"""Changing keys in a configuration file that people write: their comments and their order stay."""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

from keystead.config import Config, toml_value
from keystead.pki.files import write_atomic


def rewrite(config: Config, section: str, values: Mapping[str, str | None]) -> None:
    """Set keys of a section, or (None) take them out; say what to write by hand if the file cannot be written.

    Raises:
        ConfigError: the outcome would be wrong; the file is as it was.
    """
    if config.file is None:
        return
    try:
        text = config.file.read_text("utf-8")
        changed = _changed(text, section, values)
        if changed != text:
            Config.parse(changed, config.directory, config.file.name)
            write_atomic(config.file, changed.encode(), config.file.stat().st_mode & 0o777)
    except OSError as error:
        lines = [f"{key} = {toml_value(value)}" for key, value in values.items() if value is not None]
        lines += [f"(no {key})" for key, value in values.items() if value is None]
        click.echo(f"{config.file} cannot be written ({error.strerror}). Write in [{section}]:", err=True)
        click.echo("\n".join(f"  {line}" for line in lines), err=True)


def _changed(text: str, section: str, values: Mapping[str, str | None]) -> str:
    left = dict(values)
    lines: list[str] = []
    inside, end = False, None
    for line in text.splitlines():
        if header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            inside = header[1] == section
        if inside and (key := re.match(r"\s*([\w-]+)\s*=", line)) and key[1] in values:
            if (value := left.pop(key[1], None)) is not None:
                lines.append(f"{key[1]} = {toml_value(value)}")
        else:
            lines.append(line)
        if inside and line.strip():
            end = len(lines)
    new = [f"{key} = {toml_value(value)}" for key, value in left.items() if value is not None]
    if end is None and new:
        lines += ["", f"[{section}]", *new]
    else:
        lines[end:end] = new
    return "\n".join(lines) + "\n"
