"""The end of a run: follow what was sent, try absent ones again, post what the CRM is owed."""

from dataclasses import replace

from lead_automation.campaign.ends import RunEnd, interrupted
from lead_automation.campaign.following import Follower
from lead_automation.campaign.rows import RowDesk
from lead_automation.campaign.sending import Sender
from lead_automation.clock import StopFlag
from lead_automation.models import MAX_UNANSWERED_ATTEMPTS
from lead_automation.state.ledger import Ledger

ROWS_AT_END_S = 60.0
ROWS_AT_INTERRUPT_S = 5.0


class Tail:
    """What comes after the last lead."""

    def __init__(
        self,
        *,
        sender: Sender,
        follower: Follower,
        rows: RowDesk,
        ledger: Ledger,
        wait_s: float,
        stop: StopFlag,
    ) -> None:
        self._sender = sender
        self._follower = follower
        self._rows = rows
        self._ledger = ledger
        self._wait_s = wait_s
        self._stop = stop

    def follow_up(self, end: RunEnd) -> RunEnd:
        """Follow for a while; return how the run ends after all.

        A run that was stopped is followed as well, for the truth of its figures and for what the
        account may still have to say, but it sends nothing more. An interrupted one does not wait.
        """
        end = self._follow(end, settle_unknown=True)
        if end.is_good and not self._stop.is_set:
            end = self.retry_absent() or end
            end = self._follow(end, settle_unknown=False)
        return self.unless_interrupted(end)

    def retry_absent(self) -> RunEnd | None:
        """Send again what got no answer and, by WATI's own word, never arrived."""
        for delivery, record in self._follower.take_absent():
            if record.attempts >= MAX_UNANSWERED_ATTEMPTS:
                continue
            row = self._ledger.owed_row(record)
            sent = self._sender.send(
                replace(
                    delivery,
                    spent=record.attempts,
                    retry_of_row=row.row_id if row is not None else None,
                )
            )
            if sent.end is not None:
                return sent.end
        return None

    def unless_interrupted(self, end: RunEnd) -> RunEnd:
        """Return how the run ends, a signal that came meanwhile considered."""
        if self._stop.signal_number is not None and end.is_good:
            return interrupted(self._stop.signal_number)
        return end

    def post_rows(self) -> None:
        """Post owed rows until the first failure; a signal leaves only seconds for it."""
        self._rows.post_all(
            limit_s=lambda: ROWS_AT_INTERRUPT_S if self._stop.is_set else ROWS_AT_END_S
        )

    def _follow(self, end: RunEnd, *, settle_unknown: bool) -> RunEnd:
        until = self._sender.last_start + self._wait_s
        late = self._follower.follow_tail(until=until, settle_unknown=settle_unknown)
        return late if late is not None and end.is_good else end
