"""What is said about a setting when it is declared; everything else follows from that."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    Attributes:
        name: As it is written in ``config.env``.
        into: Its place in ``Settings``, such as ``pacing.min_s``; empty where ``settings.load``
            works other values out of it. What stands below ``local.`` is read by every command.
        parse: From the text to the value; raises BadValueError.
        default: What an unset or empty value means, as it would be written; None where there is
            none, and then the value is None.
        meaning: For the operator, with the unit.
        default_text: Said instead of a default that is no fixed value.
        example: Its value in ``config.env.example``; None: commented out there, with the default.
        required: No run without it.
        secret: Never shown, and blacked out wherever it turns up.
        hide: No secret, but kept out of messages: a number, or an address that may hold a password
            by mistake.
        section: The heading it stands under.
    """

    name: str
    into: str
    parse: Callable[[str], object]
    default: str | None
    meaning: str
    _: KW_ONLY
    default_text: str = ""
    example: str | None = None
    required: bool = False
    secret: bool = False
    hide: bool = False
    section: str = ""

    @property
    def is_local(self) -> bool:
        """Whether commands need it that make no call."""
        return self.into.startswith("local.")

    @property
    def is_hidden(self) -> bool:
        """Whether messages must not repeat its value."""
        return self.secret or self.hide

    @property
    def shown_default(self) -> str:
        """The default as people are shown it."""
        return self.default or self.default_text or ("required" if self.required else "none")


def section(title: str, *keys: Key) -> tuple[Key, ...]:
    """Return keys that stand under one heading."""
    return tuple(replace(key, section=title) for key in keys)
