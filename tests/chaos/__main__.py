"""``python -m chaos``: run chaos by hand. Beside the tests; ``PYTHONPATH=tests python -m chaos run --help``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.command import main

if __name__ == "__main__":
    main()
