"""Read every declared setting in one pass, and collect what is wrong on the way."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from lead_automation.config import SettingLine
from lead_automation.errors import ConfigError
from lead_automation.settings.declaration import Key
from lead_automation.settings.keys import CREDENTIALS
from lead_automation.settings.names import FROM_DEFAULT, FROM_FILE, misspelt
from lead_automation.settings.values import BadValueError, split_words
from lead_automation.text import clean, mask_numbers

_MISSING_CREDENTIALS = "Missing WATI credentials in config.env"
_HINT = "config.env.example explains every setting; an environment variable wins over the file."
_SHOWN_CHARS = 40  # enough to recognise one's own value in a message of one line
_SHORTEST_TELLING = 8  # a shorter part of a token gives nothing away, and would fit by chance
_PASSWORD = re.compile(r"://[^:@]*:([^@]+)@")  # of an address
_SHORTEST_SECRET = 4  # blacking out less would black out every log line


class Reading:
    """Settings by key, what is wrong with them and what is odd.

    Attributes:
        values: By name: the value; None where nothing is set and there is no default, or the text
            cannot be used. Typed by each key's ``parse``.
        lines: Every setting as it may be shown, in the order of the declarations.
        warnings: What is odd but usable, in the order found.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        keys: tuple[Key, ...],
        *,
        sources_of: Mapping[str, str],
        only_local: bool = False,
        optional: Collection[str] = (),
    ) -> None:
        """Read the keys; problems are kept until ``finish``.

        Args:
            env: Settings by name, layered already; other names are looked at for misspelt ones.
            keys: The declarations.
            sources_of: Where each value came from; a missing name came from ``config.env``.
            only_local: Read only what commands need that make no call.
            optional: Keys that may be missing although they are declared as required.
        """
        self._keys = {key.name: key for key in keys}
        # An empty value counts as not set, and so do blanks.
        self._texts = {name: env.get(name, "").strip(" \t") for name in self._keys}
        self._optional = optional
        self._problems: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self.lines: list[SettingLine] = []
        sources = {name: sources_of.get(name, FROM_FILE) for name in env}
        self.warnings = list(misspelt(sources, self._keys))
        for key in keys:
            if key.is_local or not only_local:
                self._read(key, sources.get(key.name, FROM_FILE))

    def problem(self, name: str, text: str) -> None:
        """Note what is wrong with a key; the first problem of a key stands."""
        self._problems.setdefault(name, text)

    def refuse(self, name: str, error: BadValueError) -> None:
        """Note that a key's value was not what was expected, and show it where it may be shown."""
        text = self._texts[name]
        shown = f", not '{mask_numbers(clean(text, _SHOWN_CHARS))}'"
        hidden = not text or self._keys[name].is_hidden or self._holds_part_of_secret(text)
        self.problem(name, f"expected {error}{'' if hidden else shown}")

    def placed(self) -> dict[str, object]:
        """Return the values that have a place in ``Settings``, by place."""
        return {
            self._keys[name].into: value
            for name, value in self.values.items()
            if self._keys[name].into
        }

    def finish(self) -> None:
        """Raise one ConfigError with every problem, in the order of the declarations, if any."""
        if not self._problems:
            return
        missing = [n for n in CREDENTIALS if n in self._problems and not self._texts[n]]
        problems = [f"{_MISSING_CREDENTIALS}: {', '.join(missing)}"] if missing else []
        problems += [
            f"{name}: {self._problems[name]}"
            for name in self._keys
            if name in self._problems and name not in missing
        ]
        # A name that is nearly one of ours is often why another one is missing.
        problems += [warning for warning in self.warnings if "did you mean" in warning]
        raise ConfigError(tuple(problems), hint=_HINT)

    def _read(self, key: Key, source: str) -> None:
        text = self._texts[key.name]
        owner = None if key.is_hidden else self._owner_of_secret_in(text)
        self.values[key.name] = None
        if owner is not None:
            self.problem(key.name, f"holds the value of {owner}, which belongs in no other line")
        elif text or key.default is not None:
            try:
                self.values[key.name] = key.parse(text or key.default or "")
            except BadValueError as error:  # also a default: a machine without time zones
                self.refuse(key.name, error)
        elif key.required and key.name not in self._optional:
            self.problem(key.name, f"missing; what it is: {key.meaning}")
        shown = "***" if key.secret else mask_numbers(clean(text, _SHOWN_CHARS * 2))
        self.lines.append(
            SettingLine(
                name=key.name,
                value=shown if text else key.shown_default,
                source=source if text else FROM_DEFAULT,
            )
        )

    def _owner_of_secret_in(self, text: str) -> str | None:
        """Return the key whose secret stands in another key's value, which would be shown."""
        for key in self._keys.values():
            token = self._texts[key.name].rpartition(" ")[2] if key.secret else ""
            if len(token) >= _SHORTEST_TELLING and token in text:
                return key.name
        return None

    def _holds_part_of_secret(self, text: str) -> bool:
        """Whether a token was pasted into the wrong line; a telling part of it is enough."""
        secrets = [self._texts[key.name] for key in self._keys.values() if key.secret]
        shown = text[:_SHOWN_CHARS]
        starts = range(len(shown) - _SHORTEST_TELLING + 1)
        pieces = [shown[start : start + _SHORTEST_TELLING] for start in starts]
        return any(piece in secret for piece in pieces for secret in secrets)


def secret_texts(env: Mapping[str, str], keys: Iterable[Key]) -> tuple[str, ...]:
    """Return every secret text of unchecked settings, longest first; whole, and in its parts.

    A part is a token without its scheme, one address of several, or the password in an address. A
    text shorter than four characters is left out: hiding it would black out every log line and
    keep no secret.
    """
    whole = [env.get(key.name, "").strip() for key in keys if key.secret]
    words = [split_words(text) for text in whole]
    parts = [word for its in words for word in its if "://" in word or word is its[-1]]
    parts += [unquote(found[1]) for text in whole for found in [_PASSWORD.search(text)] if found]
    found = {text for text in (*whole, *parts) if len(text) >= _SHORTEST_SECRET}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))
