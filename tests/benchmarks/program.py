"""The benchmark program: choose, measure, show.

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

from benchmarks import calls, ceiling, history, overhead, pace, scale, startup
from benchmarks.figures import Figure, Say, document, table

Benchmark = Callable[[Say], list[Figure]]

BENCHMARKS: Mapping[str, Benchmark] = {
    "startup": startup.measure,
    "overhead": overhead.measure,
    "history": history.measure,
    "calls": calls.measure,
    "pace": pace.measure,
    "ceiling": ceiling.measure,
    "scale": scale.measure,
}


def main(argv: Sequence[str], benchmarks: Mapping[str, Benchmark] = BENCHMARKS) -> int:
    """Measure; return 0 when every target is met, 1 when one is missed."""
    options = _parse(argv, benchmarks)
    figures: list[Figure] = []
    for name in options.names or benchmarks:
        _say(f"{name} …")
        figures += benchmarks[name](_say)
    sys.stdout.write(table(figures))
    if options.json is not None:
        found = document(
            figures, python=platform.python_version(), platform=platform.platform(terse=True)
        )
        text = json.dumps(found, ensure_ascii=False, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return int(any(figure.is_ok is False for figure in figures))


def _parse(argv: Sequence[str], benchmarks: Mapping[str, Benchmark]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks/run.py",
        description="Measure what the program costs on top of pacing, network and disk. "
        "Everything together takes about eight minutes.",
    )
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"only these: {', '.join(benchmarks)}",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there as well")
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in benchmarks]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)} (there are {', '.join(benchmarks)})")
    return options


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
