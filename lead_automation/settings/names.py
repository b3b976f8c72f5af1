"""Which names are probably ours, and what was meant by one that is none of our keys."""

import difflib
from collections.abc import Collection, Mapping

from lead_automation.text import clean

FROM_FILE = "config.env"
FROM_ENVIRONMENT = "environment"
FROM_COMMAND_LINE = "command line"
FROM_DEFAULT = "default"

# Names that configure how the program starts (LEAD_AUTOMATION_CONFIG), not a run.
_OWN_PREFIX = "LEAD_AUTOMATION_"

# Words that no other program's environment variables begin with; STATE_ and LOG_, say, are
# systemd's and everybody's.
_DISTINCT_PREFIXES = ("COUNSELLORS_", "LEAD_", "META_", "SCRIPT_", "SEND_", "TRACKING_", "WATI_")

_LONGEST_NAME = 64  # twice our longest; a message must not repeat a whole pasted line
_MOST_NAMED = 20  # a file of another program would have hundreds
_MISSPELT_RATIO = 0.8  # TIMEZON is TIMEZONE, LOG_DIR is not LOG_LEVEL


def prefixes(known: Collection[str]) -> tuple[str, ...]:
    """Return how our settings begin; an unknown name that begins so is probably a misspelt one."""
    return tuple(sorted({name.partition("_")[0] + "_" for name in known if "_" in name}))


def misspelt(sources: Mapping[str, str], known: Collection[str]) -> tuple[str, ...]:
    """Return a warning for every name that is probably one of ours, misspelt; the first twenty.

    Args:
        sources: Every name that is set, and where.
        known: The names of our keys.
    """
    ours = prefixes(known)
    found = [name for name in sources if _is_suspicious(name, sources[name], known, ours)]
    warnings = [
        f"{clean(name, _LONGEST_NAME)} is no setting; did you mean {_nearest(name, known)}?"
        for name in found[:_MOST_NAMED]
    ]
    if len(found) > _MOST_NAMED:
        warnings.append(f"{len(found) - _MOST_NAMED} more names are no settings")
    return tuple(warnings)


def _is_suspicious(name: str, source: str, known: Collection[str], ours: tuple[str, ...]) -> bool:
    folded = _folded(name)
    if name in known or folded.startswith(_OWN_PREFIX):
        return False
    if folded.startswith(_DISTINCT_PREFIXES):
        return True
    if folded.startswith(ours) and source != FROM_ENVIRONMENT:
        return True
    return bool(difflib.get_close_matches(folded, known, n=1, cutoff=_MISSPELT_RATIO))


def _folded(name: str) -> str:
    return name[:_LONGEST_NAME].upper()


def _nearest(name: str, known: Collection[str]) -> str:
    """Return the known name most like it, of those that begin with the same word if any do."""
    folded = _folded(name)
    word = folded.partition("_")[0] + "_"
    relatives = [other for other in known if other.startswith(word)]
    return difflib.get_close_matches(folded, relatives or known, n=1, cutoff=0.0)[0]
