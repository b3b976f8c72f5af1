"""What the simulated WATI does with a message to a number, at once and later."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


class Step(NamedTuple):
    """One change of a message's status.

    Attributes:
        after_s: Seconds after the message.
        word: ``statusString`` as the row shows it: SENT, DELIVERED, READ, FAILED or anything else.
        detail: ``failedDetail`` of a FAILED.
    """

    after_s: float
    word: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What becomes of messages to one number.

    Attributes:
        rate_limited: So many first sends are answered 429 and asked to come back in a second.
        lost_answers: So many sends after those are taken, but their answers never leave.
        refuse: Words of a refusal, given with HTTP 200 in the form of the API version asked.
        on_whatsapp: False: accepted in words, but the number is called invalid (``w01``); nothing
            is sent.
        history: Status changes of a message taken, in the order they happen; out of order words are
            shown as they are. Empty: the row never has a status.
        arrives_after_s: Seconds between the POST and the message (WATI was seen to send 50 s late).
        appears_after_s: Seconds until the row shows in the message list; None: never.
        says: What the lead writes back: seconds after the message, and the text.
        contact_status: ``VALID`` or ``INVALID``.
        allow_broadcast: False: the contact has opted out.
    """

    rate_limited: int = 0
    lost_answers: int = 0
    refuse: str = ""
    on_whatsapp: bool = True
    history: tuple[Step, ...] = (Step(0.0, "SENT"), Step(2.0, "DELIVERED"), Step(4.0, "READ"))
    arrives_after_s: float = 0.0
    appears_after_s: float | None = 0.0
    says: tuple[tuple[float, str], ...] = ()
    contact_status: str = "VALID"
    allow_broadcast: bool = True


def failing(detail: str, *, after_s: float = 1.0) -> Plan:
    """Return a plan that sends, then fails with these words of WATI."""
    return Plan(history=(Step(0.0, "SENT"), Step(after_s, "FAILED", detail)))


def refused(text: str) -> Plan:
    """Return a plan that refuses every message with these words of WATI."""
    return Plan(refuse=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimMessage:
    """A message WATI really took.

    Attributes:
        number: Digits, without the plus sign.
        parameters: Name and value, in the order received.
        channel: ``channel_number`` of the request, None when it had none.
        version: ``v1``, ``v2`` or ``v3``.
        at: Aware; when it went out, by WATI's clock; later than the POST for a late arrival.
        local_message_id: None on v1; on v3 the caller's.
        serial: Counted from 1 over the simulator's life.
    """

    number: str
    template: str
    broadcast_name: str
    parameters: tuple[tuple[str, str], ...]
    channel: str | None
    version: str
    at: datetime
    local_message_id: str | None
    serial: int
    plan: Plan

    def step_at(self, now: datetime) -> Step | None:
        """Return the status change in force at a time, None before the first."""
        age_s = (now - self.at).total_seconds()
        reached = [step for step in self.plan.history if step.after_s <= age_s]
        return reached[-1] if reached else None

    def is_listed_at(self, now: datetime) -> bool:
        """Whether the message list shows it."""
        appears = self.plan.appears_after_s
        return appears is not None and now >= self.at + timedelta(seconds=appears)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimBroadcast:
    """One POST that WATI took.

    Attributes:
        broadcast_id: WATI's.
        at: Aware; when it was taken.
        messages: Of everybody it took, in the order asked.
    """

    broadcast_id: str
    name: str
    template: str
    channel: str | None
    at: datetime
    messages: tuple[SimMessage, ...]
