"""keystead status."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.serialization import Encoding

from keystead.cli.options import config_option, json_option, load_config
from keystead.config import Config
from keystead.pki.files import read_certificate

ANSWER_SECONDS = 3
NOT_RUNNING = "not running"


@click.command()
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> int:
    """Tell how the server stands.

    Asks the running server for its health, and for what it has.  The exit status is 0 if the server answers and is not
    sealed, 69 otherwise.

    \b
    Examples:
      keystead status --config /var/lib/keystead/keystead.toml
      keystead status --json | jq .health
    """
    from keystead.cli.administration import Remote, show_progress
    from keystead.engine.administration import STATUS

    config = load_config(config_path)
    facts: dict[str, Any] = {
        "health": health(config),
        "kmip_port": config.server.kmip_port,
        "https_port": config.server.https_port,
        "store": config.store.url,
        "root": config.custody.root,
    }
    if facts["health"] != NOT_RUNNING:
        facts |= Remote(config.custody.directory, config.policy.domain, show_progress).call(STATUS)
    if as_json:
        click.echo(json.dumps(facts, default=str))
    else:
        width = max(map(len, facts))
        for name, value in facts.items():
            click.echo(f"{name.replace('_', ' '):{width}}  {value}")
    return 0 if facts["health"] == "ok" else 69


def health(config: Config) -> str:
    """Ask the server of a configuration on this machine for its health: ok, sealed, or "not running"."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.server.https_host, config.server.https_host)  # noqa: S104
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is compared below: it must be this one, whoever issued it
    connection = http.client.HTTPSConnection(host, config.server.https_port, timeout=ANSWER_SECONDS, context=context)
    try:
        connection.connect()
        if connection.sock.getpeercert(True) != read_certificate(config.server.certificate).public_bytes(Encoding.DER):
            return NOT_RUNNING  # something else is, at its port
        connection.request("GET", "/healthz")
        return str(json.loads(connection.getresponse().read(1024))["status"])
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return NOT_RUNNING
    finally:
        connection.close()
