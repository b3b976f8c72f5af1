"""The vendor's rate limits, as the vendor keeps them."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLimits:
    """Calls allowed in any window (wati-api 6; Growth: 30, 10 and 10 in 10 s).

    Attributes:
        sends: ``sendTemplateMessage``.
        reads: ``getMessages``.
        contacts: ``getContacts``.
        window_s: Seconds; the sandbox shortens it as it shortens every wait.
    """

    sends: int = 30
    reads: int = 10
    contacts: int = 10
    window_s: float = 10.0


class SlidingWindow:
    """Calls admitted lately; a refused one does not count."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._admitted: deque[float] = deque()

    def admit(self, at: float) -> float | None:
        """Admit a call at a monotonic time.

        Returns:
            None when admitted, else the seconds until one would be.
        """
        while self._admitted and self._admitted[0] <= at - self._window_s:
            self._admitted.popleft()
        if len(self._admitted) >= self._limit:
            return self._admitted[0] + self._window_s - at
        self._admitted.append(at)
        return None
