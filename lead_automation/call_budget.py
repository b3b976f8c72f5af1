"""How many WATI calls a lead may cost, and how many leads a month's calls carry; pure."""

CALLS_PER_LEAD = 2.1
"""Send, first status read and a tenth of a second read: what a run may spend on a lead."""

PLAIN_CALLS_PER_LEAD = 2.0
"""A send and a first read: what each lead costs at least where every message is a call."""

V3_CALLS_PER_LEAD = 0.33
"""The same over a whole life in batches of 25 (docs/performance.md), later reads included."""

LATER_READS_PER_LEAD = 2
"""Reads later runs may spend on a message that still has no final word."""

READING_PAUSE_SHARE = 0.8
"""Share of the month's calls from which on only unknown sends are read."""


def leads_a_month(
    monthly_calls: int, calls_per_lead: float = CALLS_PER_LEAD + LATER_READS_PER_LEAD
) -> int:
    """Return how many leads a month's calls carry with every one of them followed to its end.

    Beyond it messages are still sent, but their statuses are no longer read.

    Args:
        monthly_calls: The plan's, all kinds.
        calls_per_lead: Above 0: send and reads, in its run and on its following days; by default
            the most a lead can cost, of a message that is delivered and never read.
    """
    return int(monthly_calls * READING_PAUSE_SHARE / calls_per_lead)
