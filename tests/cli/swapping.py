"""The command `keystead` on a machine that swaps to what the first argument says, and lets no memory be locked."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from keystead.cli.main import main
from keystead.custody import memory

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65_536, 65_536))
    memory.SWAPS = Path(sys.argv[1])
    main(sys.argv[2:])
