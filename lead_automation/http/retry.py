"""Repeat reads, and reads only: the urllib3 policy, without its sleeping, chance and surprises."""

from collections.abc import Callable
from typing import Any, Self

from urllib3 import BaseHTTPResponse, Retry

from lead_automation.clock import Chance, Clock
from lead_automation.http_rules import parse_http_date, parse_retry_after

MAX_WAIT_S = 60
"""Longest wait between two tries, whatever the server asks for."""


class ReadRetry(Retry):
    """Up to three more tries of a GET that met a closed door, a lost answer or "later".

    Unlike its parent it waits and draws through what it was given, and takes a ``Retry-After`` of
    any value: the parent raises ``InvalidHeader`` out of the session for ``-5`` or ``soon``.
    """

    def __init__(
        self,
        *,
        between_tries: Callable[[float], None],
        clock: Clock,
        chance: Chance,
        **state: Any,
    ) -> None:
        """Keep the collaborators.

        Args:
            between_tries: Called with the seconds to wait (0 or more) before each repeated try.
            clock: What a date in ``Retry-After`` is measured from when the answer has none.
            chance: Draws the jitter.
            state: Counters of the parent; only ``new`` gives them.
        """
        policy: dict[str, Any] = {
            "total": 3,
            "connect": 3,
            "read": 2,
            "status": 2,
            "other": 0,
            "redirect": 0,
            "status_forcelist": frozenset({429, 502, 503, 504}),
            "allowed_methods": frozenset({"GET"}),
            "backoff_factor": 1,
            "backoff_jitter": 1,
            "backoff_max": 30,
            "retry_after_max": MAX_WAIT_S,
            "raise_on_status": False,
            "raise_on_redirect": False,
        }
        super().__init__(**(policy | state))
        self._between_tries = between_tries
        self._clock = clock
        self._chance = chance

    def new(self, **kw: Any) -> Self:
        """Return the policy with other counters."""
        return super().new(
            between_tries=self._between_tries, clock=self._clock, chance=self._chance, **kw
        )

    def get_backoff_time(self) -> float:
        """Return the wait in seconds: none before the second try, then 2, 4, … and the jitter."""
        failures = len(self.history)
        if failures <= 1:
            return 0.0
        growing = self.backoff_factor * 2.0 ** (failures - 1)
        return float(min(self.backoff_max, growing + self._chance() * self.backoff_jitter))

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return what ``Retry-After`` asks for, at most a minute; None when it makes no sense."""
        now = parse_http_date(response.headers.get("Date")) or self._clock.now()
        asked = parse_retry_after(response.headers.get("Retry-After"), now)
        return None if asked is None else min(asked, float(self.retry_after_max))

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Wait before the next try."""
        asked = None if response is None else self.get_retry_after(response)
        self._between_tries(self.get_backoff_time() if asked is None else asked)
