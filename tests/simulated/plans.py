"""Plans a test may fill with answers of its own."""

from dataclasses import dataclass

from simulated.scripts import Reply

from lead_automation.sandbox.plans import Plan, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedPlan(Plan):
    """What becomes of messages to one number.

    Attributes:
        on_send: What the first POSTs get, each as often as it says; after them the rest holds.
    """

    on_send: tuple[Reply, ...] = ()


def steps(*words: str, every_s: float = 1.0) -> tuple[Step, ...]:
    """Return a history of words, the first at once and the others every_s seconds apart."""
    return tuple(Step(position * every_s, word) for position, word in enumerate(words))
