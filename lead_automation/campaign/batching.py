"""Hold the next batch back until the ramp, asked about the last one, says how large it may be."""

import logging

from lead_automation.campaign.batch import Batch, state_of
from lead_automation.campaign.ends import RunEnd, stopped
from lead_automation.campaign.following import Follower
from lead_automation.campaign.gate import Gate
from lead_automation.campaign.ramp import Move, Ramp
from lead_automation.campaign.services import Services

_log = logging.getLogger(__name__)


class Batching:
    """The ramp of one run; singles (v1, v2, BATCH_SIZE=1, a test send) have none.

    Attributes:
        size: Leads the next POST may carry.
    """

    def __init__(self, services: Services, *, gate: Gate, follower: Follower) -> None:
        """Begin at the smallest size."""
        self._services = services
        self._gate = gate
        self._follower = follower
        self._last: list[Batch] = []
        self._ramp: Ramp | None = None
        self.size = 1
        if services.batch_size > 1:
            first_read_s = services.settings.local.tracking.first_read_s
            self._ramp = Ramp(batch_size=services.batch_size, first_read_s=first_read_s)
            self.size = self._ramp.first_size

    def sent(self, batch: Batch) -> None:
        """Note a POST that the next step is judged by."""
        if self._ramp is not None:
            self._last.append(batch)

    def wait(self) -> RunEnd | None:
        """Wait for the words the ramp asks for; return why no further batch may go."""
        clock, has_asked = self._services.clock, False
        while self._ramp is not None and self._last:
            state = state_of(self._last, clock.monotonic())
            is_tight = self._services.budget.is_reading_paused
            step = self._ramp.next_step(self.size, state, month_is_tight=is_tight)
            if step.move is Move.STOP:
                return stopped(step.reason)
            if step.move is not Move.WAIT:
                _log.debug("Ramp: %s, next %d %s", step.move.value, step.size, step.reason)
                self.size = step.size
                self._last.clear()
                return None
            at = max(batch.started for batch in self._last) + step.wait_until_s
            if not has_asked and self._ramp.first_read_s <= state.age_s:
                # A slow answer: the ramp takes the first read for made, and it is not.
                at = clock.monotonic()
            has_asked = True
            end = self._follower.read_batches(self._last, at) or self._gate.end_now()
            if end is not None:
                return end
        return None
