"""The counsellors: the nine built in, or those of a JSON file."""

import unicodedata

from lead_automation.models import Counsellor
from lead_automation.settings.values import BadValueError, expect, parse_phone_text
from lead_automation.strictjson import JsonError, parse_json
from lead_automation.text import clean

MAX_DAILY_LIMIT = 100_000  # Meta's highest messaging limit short of unlimited
_MAX_NAME_CHARS = 60  # a line of the report, and of the template, has room for no longer one
_DEFAULT_DAILY_LIMIT = 50  # the owner's
_SHAPE = 'a JSON object {"NAME": {"number": "+...", "daily_limit": 50}}'

# Legal in names of several Indian scripts, though they print nothing themselves.
_WITHOUT_JOINERS = dict.fromkeys((0x200C, 0x200D))

BUILT_IN_COUNSELLORS = tuple(
    Counsellor(name=name, number=number, daily_limit=_DEFAULT_DAILY_LIMIT)
    for name, number in (
        ("Anandi", "+919512270915"),
        ("Preeti", "+918799334198"),
        ("Khushali", "+917069629625"),
        ("Karan", "+919773432629"),
        ("Sangita", "+918128758628"),
        ("Maitri", "+918866817620"),
        ("Chitra", "+918128817870"),
        ("Pragatee", "+919687046717"),
        ("Vaidehi", "+917874202685"),
    )
)


def parse_counsellors(data: bytes) -> tuple[Counsellor, ...]:
    """Return the counsellors of a JSON file, in its order.

    Shape: ``{"Anandi": {"number": "+919512270915", "daily_limit": 50}, ...}``, with one at least;
    a ``daily_limit`` of 0 means that somebody is on leave.

    Raises:
        BadValueError: Another shape, with every problem found.
    """
    try:
        value = parse_json(data, reject_duplicates=True)
    except JsonError as exc:
        msg = f"a JSON file ({exc})"
        raise BadValueError(msg) from exc
    if not isinstance(value, dict):
        raise BadValueError(_SHAPE)
    problems: list[str] = [] if value else ["one counsellor at least"]
    counsellors = tuple(_counsellor(name, entry, problems) for name, entry in value.items())
    if len({counsellor.name for counsellor in counsellors}) != len(counsellors):
        problems.append("each name once (two are the same letters)")
    expect(not problems, "; ".join(problems))
    return counsellors


def _counsellor(name: str, entry: object, problems: list[str]) -> Counsellor:
    """Return one entry, adding what is wrong with it to problems."""
    whose = f"for {clean(name, _MAX_NAME_CHARS)!r}"
    if not name.strip() or name != name.strip() or len(name) > _MAX_NAME_CHARS:
        problems.append(f"{whose} a name of 1 to {_MAX_NAME_CHARS} characters without outer blanks")
    elif not name.translate(_WITHOUT_JOINERS).isprintable():
        problems.append(f"{whose} a name of printable characters")
    fields = entry if isinstance(entry, dict) else {}
    if set(fields) != {"number", "daily_limit"}:
        problems.append(f"{whose} exactly number and daily_limit")
        fields = {"number": "+910000000000", "daily_limit": 0}
    return Counsellor(
        name=unicodedata.normalize("NFC", name),
        number=_number(fields["number"], whose, problems),
        daily_limit=_daily_limit(fields["daily_limit"], whose, problems),
    )


def _number(value: object, whose: str, problems: list[str]) -> str:
    try:
        return parse_phone_text(value if isinstance(value, str) else "")
    except BadValueError as exc:
        problems.append(f"{whose} as number {exc}")
        return ""


def _daily_limit(value: object, whose: str, problems: list[str]) -> int:
    # bool is an int to Python, and True would mean one message a day.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_DAILY_LIMIT:
        return value
    problems.append(f"{whose} as daily_limit a whole number from 0 to {MAX_DAILY_LIMIT}")
    return 0
