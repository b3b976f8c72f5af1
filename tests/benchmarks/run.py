"""Run the benchmarks: ``python tests/benchmarks/run.py [NAME ...] [--json FILE]``."""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    # In place of this file's own folder, so that no module here can hide one of Python's.
    sys.path[:1] = [str(ROOT), str(ROOT / "tests")]
    sys.exit(importlib.import_module("benchmarks.program").main(sys.argv[1:]))
