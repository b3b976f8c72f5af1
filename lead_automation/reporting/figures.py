"""The table of figures that a terminal shows for counsellors and for days: 78 columns."""

from lead_automation.counts import MessageCounts
from lead_automation.plaintext import pad
from lead_automation.reporting.wording import rate_text

NAME_WIDTH = 14
WIDTH = 78
"""Columns of a line: those of a mail and of any terminal."""


def figures_head(name: str, count: str) -> str:
    """Return the table's head; the shares stand behind what they are shares of."""
    columns = f"{count:>6}  Sent Deliv.    % Read    % Failed Unk. Success    Quota"
    return f"{name:<{NAME_WIDTH}} {columns}"


def figures_line(name: str, its: MessageCounts, *, attempted: int, unknown: int, quota: str) -> str:
    """Return a line of the table."""
    rates = its.rates(attempted)
    return (
        f"{pad(name, NAME_WIDTH)} {attempted:>6} {its.sent:>5} {its.delivered:>6} "
        f"{_whole(rates.delivered):>4} {its.read:>4} {_whole(rates.read):>4} {its.failed:>6} "
        f"{unknown:>4} {rate_text(its.success_rate(attempted)):>7} {quota:>8}"
    )


def _whole(rate: float | None) -> str:
    """Return a share without decimals: a column has no room for them."""
    return "–" if rate is None else f"{rate:.0f}%"
