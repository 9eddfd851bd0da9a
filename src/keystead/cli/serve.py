"""keystead serve."""

from __future__ import annotations

from pathlib import Path

import click

from keystead.cli.options import config_option, load_config


@click.command()
@config_option
def serve(config_path: Path | None) -> int:
    """Run the server of a configuration.

    SIGTERM and SIGINT stop it: what has arrived is answered first.  SIGHUP reads certificates, keys and revocation
    lists again; changed files are noticed without it, too.

    \b
    Examples:
      keystead serve --config /var/lib/keystead/keystead.toml
      KEYSTEAD_CONFIG=/etc/keystead/keystead.toml keystead serve
    """
    from keystead.cli.opening import open_root, opener
    from keystead.server.log import configure
    from keystead.server.serve import serve as serve_until_stopped

    config = load_config(config_path)
    configure(config.server.log_level, config.server.log_format)
    return serve_until_stopped(config, opener(config, open_root(config)))
