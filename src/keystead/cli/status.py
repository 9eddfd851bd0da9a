"""keystead status."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from keystead.cli.options import config_option, json_option, load_config
from keystead.cli.sealed import ANSWER_SECONDS, own_port
from keystead.config import Config
from keystead.errors import ConfigError

NOT_RUNNING = "not running"


@click.command()
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> int:
    """Tell how the server stands.

    Asks the running server; if none runs, what its database tells without a key.  The exit status is 0 if the server
    is ok or degraded, 69 if it is sealed, out of service, or does not run.

    \b
    Examples:
      keystead status --config /var/lib/keystead/keystead.toml
      keystead status --json | jq .health
    """
    facts = standing(load_config(config_path))
    if as_json:
        click.echo(json.dumps(facts, default=str))
    else:
        for name, value in facts.items():
            title = name.removesuffix("_seconds").replace("_", " ")
            click.echo(f"{title:{max(map(len, facts))}}  {SHOWN.get(name, str)(value)}")
    return 0 if facts["health"] in ("ok", "degraded") else 69


def standing(config: Config) -> dict[str, Any]:
    """Tell all that is to be known about a server from its own machine.

    Raises:
        StoreError, TamperError: no server runs, and the database cannot be read.
        CustodyError: a server runs, but does not answer.
    """
    from keystead.cli.administration import running
    from keystead.custody.rootfile import kind_of

    operators = running(config)
    if operators is None:
        return {
            **_health(config),
            "kmip_port": config.server.kmip_port,
            "https_port": config.server.https_port,
            "store": config.store.url,
            "root": kind_of(config.custody.directory) or "none",
            **_stored(config),
        }
    found: dict[str, Any] = operators.call("status")
    port = int(found.get("https_port", config.server.https_port))
    found |= _health(replace(config, server=replace(config.server, https_port=port)))
    found["store"] = config.store.url
    if found.get("objects"):
        found["states"] = operators.call("count_objects")
    return {name: found[name] for name in FIRST if name in found} | found


def _stored(config: Config) -> dict[str, Any]:
    from keystead.engine.identities import CLIENT
    from keystead.store import open as open_store

    with closing(open_store(config.store.url)) as store, store.begin(write=False) as transaction:
        return {"clients": len(transaction.entries(CLIENT)), "objects": transaction.object_count()}


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in units if number) or "0 s"


def _states(counts: Mapping[str, Mapping[str, int]]) -> str:
    return "; ".join(
        f"{kind}: {', '.join(f'{number} {state}' for state, number in states.items())}"
        for kind, states in counts.items()
    )


FIRST: Final = (
    "health", "why", "kmip_port", "https_port", "store", "root", "sealed", "clients", "objects", "states", "quarantine",
)  # fmt: skip
"""What is told first."""
SHOWN: Final[Mapping[str, Callable[[Any], str]]] = {"uptime_seconds": _duration, "states": _states}
"""How facts are shown to people that are not shown as they are."""


def _health(config: Config) -> dict[str, str]:
    found = told(config)
    return {"health": found.pop("status"), **found}


def health(config: Config) -> str:
    """The health of the server of a configuration on this machine, as /healthz tells it, or "not running"."""
    return told(config)["status"]


def told(config: Config) -> dict[str, str]:
    """Ask the server of a configuration on this machine for its health; of one that is out of service also why."""
    gone = {"status": NOT_RUNNING}
    try:
        host, port, context, certificate = own_port(config)
    except ConfigError:
        return gone  # it does not run without its certificate
    connection = http.client.HTTPSConnection(host, port, timeout=ANSWER_SECONDS, context=context)
    try:
        connection.connect()
        if connection.sock.getpeercert(True) != certificate:
            return gone  # something else is, at its port
        connection.request("GET", "/healthz")
        found = json.loads(connection.getresponse().read(1024))
        return {"status": str(found["status"])} | {name: str(found[name]) for name in ("why",) if name in found}
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return gone
    finally:
        connection.close()
