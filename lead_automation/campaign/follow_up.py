"""The end of a run: follow what was sent, try absent ones again, post what the CRM is owed."""

from lead_automation.campaign.ends import RunEnd, interrupted
from lead_automation.campaign.following import Follower
from lead_automation.campaign.outbox import Outbox
from lead_automation.campaign.sending import Sender
from lead_automation.campaign.services import Services

ROWS_AT_END_S = 60.0
"""Longest a run goes on posting owed rows after its last read (contract, section 5)."""

ROWS_AT_INTERRUPT_S = 5.0
"""The same after a signal: service managers kill what does not end soon."""


class FollowUp:
    """What comes after the last lead."""

    def __init__(
        self, services: Services, *, sender: Sender, follower: Follower, outbox: Outbox
    ) -> None:
        self._stop = services.runtime.stop
        self._wait_s = services.settings.local.tracking.wait_s
        self._sender = sender
        self._follower = follower
        self._outbox = outbox

    def run(self, end: RunEnd) -> RunEnd:
        """Follow for a while and post the rows; return how the run ends after all.

        A run that was stopped is followed as well, for the truth of its figures and for what the
        account may still have to say, but it sends nothing more. An interrupted one does not wait.
        """
        end = self._follow(end, settle_unknown=True)
        if end.is_good and not self._stop.is_set:
            end = self.retry_absent() or end
            end = self._follow(end, settle_unknown=False)
        self._outbox.post_all(lambda: ROWS_AT_INTERRUPT_S if self._stop.is_set else ROWS_AT_END_S)
        if self._stop.signal_number is not None and end.is_good:
            return interrupted(self._stop.signal_number)
        return end

    def retry_absent(self) -> RunEnd | None:
        """Send again what got no answer and, by WATI's own word, never arrived."""
        for lead in self._follower.take_absent():
            _, end = self._sender.send([lead])
            if end is not None:
                return end
        return None

    def _follow(self, end: RunEnd, *, settle_unknown: bool) -> RunEnd:
        until = self._sender.last_start + self._wait_s
        late = self._follower.follow_tail(until, settle_unknown=settle_unknown)
        return late if late is not None and end.is_good else end
