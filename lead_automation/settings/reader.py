"""Read single settings out of a mapping and collect every problem on the way."""

import difflib
from collections.abc import Callable, Mapping
from typing import TypeVar

from lead_automation.errors import ConfigError
from lead_automation.settings.keys import (
    CREDENTIALS,
    DISTINCT_PREFIXES,
    KEYS,
    KEYS_BY_NAME,
    OWN_PREFIX,
    PREFIXES,
    Key,
)
from lead_automation.settings.values import BadValueError
from lead_automation.text import clean, mask_numbers

MISSING_CREDENTIALS = "Missing WATI credentials in config.env"

FROM_FILE = "config.env"
FROM_ENVIRONMENT = "environment"
FROM_COMMAND_LINE = "command line"
FROM_DEFAULT = "default"

_HINT = "config.env.example explains every setting; an environment variable wins over the file."
_SHOWN_CHARS = 40
_LONGEST_NAME = 64
_MOST_UNKNOWN_KEYS = 20
_MISSPELT_RATIO = 0.8
_SHORTEST_TELLING = 8

T = TypeVar("T")


class SettingsReader:
    """Settings by key, with defaults, sources and problems.

    Attributes:
        warnings: What is odd but usable, in the order found.
        shown: By key: what it is set to, as it may be shown (``***`` for a secret).
    """

    def __init__(self, env: Mapping[str, str], sources_of: Mapping[str, str]) -> None:
        self._env = env
        self._sources_of = sources_of
        self._problems: dict[str, str] = {}
        self.warnings: list[str] = []
        self.shown: dict[str, str] = {}

    def optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Return the parsed value; None when it is not set, or a problem was noted."""
        key = KEYS_BY_NAME[name]
        text = self._text(name)
        if text is None:
            self.shown[name] = key.shown_default
            return None
        owner = None if key.secret or key.hide else self._owner_of_secret_in(text)
        if owner is not None:
            self.problem(name, f"holds the value of {owner}, which belongs in no other line")
            return None
        try:
            value = parse(text)
        except BadValueError as exc:
            self.problem(name, f"expected {exc}{self._instead(key, text)}")
            return None
        self.shown[name] = "***" if key.secret else mask_numbers(clean(text, _SHOWN_CHARS * 2))
        return value

    def with_default(self, name: str, parse: Callable[[str], T]) -> T:
        """Return the parsed value, or the key's default.

        Raises:
            ConfigError: Even the default cannot be used (a machine without time zones).
        """
        value = self.optional(name, parse)
        if value is not None:
            return value
        try:
            return parse(KEYS_BY_NAME[name].default or "")
        except BadValueError as exc:
            self.problem(name, f"expected {exc}")
            raise self._error() from exc

    def required(self, name: str, parse: Callable[[str], T], stand_in: T) -> T:
        """Return the parsed value; stand_in with a problem noted when it is missing or bad."""
        value = self.optional(name, parse)
        if value is not None:
            return value
        self.problem(name, f"missing; what it is: {KEYS_BY_NAME[name].meaning}")
        return stand_in

    def problem(self, name: str, text: str) -> None:
        """Note what is wrong with a key; the first problem of a key stands."""
        self._problems.setdefault(name, text)

    def has_problem(self, *names: str) -> bool:
        """Whether any of the keys has one."""
        return any(name in self._problems for name in names)

    def sources(self) -> dict[str, str]:
        """Return where each key's value came from."""
        return {
            key.name: FROM_DEFAULT if self._text(key.name) is None else self._source(key.name)
            for key in KEYS
        }

    def warn_of_unknown_keys(self) -> None:
        """Add a warning for every name that is probably one of ours, misspelt."""
        found = [name for name in self._env if self._is_suspicious(name)]
        for name in found[:_MOST_UNKNOWN_KEYS]:
            shown = clean(name, _LONGEST_NAME)
            self.warnings.append(f"{shown} is no setting; did you mean {_nearest(name)}?")
        if len(found) > _MOST_UNKNOWN_KEYS:
            more = len(found) - _MOST_UNKNOWN_KEYS
            self.warnings.append(f"{more} more names are no settings")

    def finish(self) -> None:
        """Raise one ConfigError with every problem, in the order of the key table, if any."""
        if self._problems:
            raise self._error()

    def _error(self) -> ConfigError:
        missing = [n for n in CREDENTIALS if n in self._problems and self._text(n) is None]
        lines = [f"{MISSING_CREDENTIALS}: {', '.join(missing)}"] if missing else []
        lines += [
            f"{key.name}: {self._problems[key.name]}"
            for key in KEYS
            if key.name in self._problems and key.name not in missing
        ]
        # A name that is nearly one of ours is often why another one is missing.
        lines += [warning for warning in self.warnings if "did you mean" in warning]
        return ConfigError(tuple(lines), hint=_HINT)

    def _text(self, name: str) -> str | None:
        """Return a value without outer blanks; an empty one counts as not set."""
        return self._env.get(name, "").strip(" \t") or None

    def _source(self, name: str) -> str:
        return self._sources_of.get(name, FROM_FILE)

    def _owner_of_secret_in(self, text: str) -> str | None:
        """Return the key whose secret stands in another key's value, which would be shown."""
        for key in KEYS:
            token = (self._text(key.name) or "").rpartition(" ")[2] if key.secret else ""
            if len(token) >= _SHORTEST_TELLING and token in text:
                return key.name
        return None

    def _instead(self, key: Key, text: str) -> str:
        """Return the value as far as it may be shown in a problem."""
        secrets = [self._text(other.name) or "" for other in KEYS if other.secret]
        # A token pasted into the wrong line is still a token, and so is a telling part of it.
        shown = text[:_SHOWN_CHARS]
        starts = range(len(shown) - _SHORTEST_TELLING + 1)
        pieces = [shown[start : start + _SHORTEST_TELLING] for start in starts]
        holds_secret = any(piece in secret for piece in pieces for secret in secrets)
        if key.hide or holds_secret:
            return ""
        return f", not '{mask_numbers(clean(text, _SHOWN_CHARS))}'"

    def _is_suspicious(self, name: str) -> bool:
        folded = _folded(name)
        if name in KEYS_BY_NAME or folded.startswith(OWN_PREFIX):
            return False
        if folded.startswith(DISTINCT_PREFIXES):
            return True
        if folded.startswith(PREFIXES) and self._source(name) != FROM_ENVIRONMENT:
            return True
        return bool(difflib.get_close_matches(folded, KEYS_BY_NAME, n=1, cutoff=_MISSPELT_RATIO))


def _folded(name: str) -> str:
    return name[:_LONGEST_NAME].upper()


def _nearest(name: str) -> str:
    """Return the known name most like it, of those that begin with the same word if any do."""
    folded = _folded(name)
    word = folded.split("_")[0] + "_"
    relatives = [known for known in KEYS_BY_NAME if known.startswith(word)]
    return difflib.get_close_matches(folded, relatives or KEYS_BY_NAME, n=1, cutoff=0.0)[0]
