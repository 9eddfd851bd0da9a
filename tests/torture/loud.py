"""The command `keystead`, with everything logged that anything would log."""

from __future__ import annotations

import logging
from typing import TextIO

from keystead.cli.main import main
from keystead.server import log

_configure = log.configure


def _loud(level: str = "", form: str = "auto", stream: TextIO | None = None) -> None:
    _configure("debug", form, stream)
    logging.basicConfig(level=logging.DEBUG)
    logging.getLogger("uvicorn").setLevel(logging.DEBUG)


log.configure = _loud

if __name__ == "__main__":
    main()
