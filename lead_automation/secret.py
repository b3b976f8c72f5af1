"""Keep a secret from showing itself in a repr, a log line, a traceback or a saved file."""

from typing import NoReturn


class Secret:
    """A text that only ``reveal`` gives out; shown, formatted or logged it is ``***``.

    Equal by value; neither hashable nor serialisable, so that it cannot end up as a key or in a
    file by accident.
    """

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]  # a hash would tell equal secrets

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, for the one place that sends it."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        msg = "a secret is not copied or serialised"
        raise TypeError(msg)
