"""Say which delivery status a word means, and which status may follow which; pure."""

from collections.abc import Mapping
from types import MappingProxyType

from lead_automation.models import MessageStatus

# Words seen in message lists (upper case), webhooks (capitalised) and v3 (lower case). No list of
# WATI's is complete: a word that is missing here is shown as it is and counts as pending. A reply
# implies that the message was read; "open" is v3's word for read.
_WORDS: Mapping[str, MessageStatus] = MappingProxyType(
    {
        "pending": MessageStatus.PENDING,
        "queued": MessageStatus.PENDING,
        "sending": MessageStatus.PENDING,
        "processing": MessageStatus.PENDING,
        "sent": MessageStatus.SENT,
        "delivered": MessageStatus.DELIVERED,
        "read": MessageStatus.READ,
        "open": MessageStatus.READ,
        "replied": MessageStatus.READ,
        "failed": MessageStatus.FAILED,
        "stopped": MessageStatus.FAILED,
    }
)

# A message that was delivered cannot fail any more, and one that failed stays failed: both share
# a rank, and a status gives way to a higher one only.
_RANKS: Mapping[MessageStatus, int] = MappingProxyType(
    {
        MessageStatus.PENDING: 0,
        MessageStatus.SENT: 1,
        MessageStatus.DELIVERED: 2,
        MessageStatus.FAILED: 2,
        MessageStatus.READ: 3,
    }
)


def parse_status(word: object) -> MessageStatus | None:
    """Return the status a vendor's word means, whatever its case; None for any other value."""
    return _WORDS.get(word.strip().casefold()) if isinstance(word, str) else None


def advance(current: MessageStatus, reported: MessageStatus) -> MessageStatus:
    """Return the status that stands after a reading: later than the current one, or that itself.

    READ may come without DELIVERED, FAILED after neither; FAILED is an end.
    """
    if current is MessageStatus.FAILED:
        return current
    return reported if _RANKS[reported] > _RANKS[current] else current
