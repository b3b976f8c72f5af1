"""The benchmark program: choose, measure, show. ``python tests/bench/run.py [NAME …]``.

Every figure that has a target is a ratio of two things measured in turn in one run, or a count;
the few absolute limits (start-up, start and fold) are those the project promises itself. Machines
differ and so do their hours: compare figures of one run, and repeat it.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# In place of this file's own folder, so that no module here can hide one of Python's.
ROOT = Path(__file__).resolve().parents[2]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

from bench import calls, database, history, overhead, pace, scale, startup  # noqa: E402
from bench.figures import Figure, Say, document, table  # noqa: E402

BENCHMARKS: Mapping[str, Callable[[Say], list[Figure]]] = {
    "startup": startup.measure,
    "overhead": overhead.measure,
    "database": database.measure,
    "history": history.measure,
    "calls": calls.measure,
    "pace": pace.measure,
    "ceiling": pace.measure_ceiling,
    "scale": scale.measure,
}


def main(argv: Sequence[str]) -> int:
    """Measure; return 0 when every target is met, 1 when one is missed."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/run.py",
        description="Measure what the program costs on top of pacing, network and disk. "
        "Everything together takes about eight minutes.",
    )
    names = ", ".join(BENCHMARKS)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"only these: {names}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there as well")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"no such benchmark: {', '.join(unknown)} (there are {names})")
    figures: list[Figure] = []
    for name in options.names or BENCHMARKS:
        _say(f"{name} …")
        figures += BENCHMARKS[name](_say)
    sys.stdout.write(table(figures))
    if options.json is not None:
        found = document(
            figures, python=platform.python_version(), platform=platform.platform(terse=True)
        )
        text = json.dumps(found, ensure_ascii=False, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return int(any(figure.is_ok is False for figure in figures))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a program for a terminal


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
