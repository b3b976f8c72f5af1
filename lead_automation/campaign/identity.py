"""Name each v3 POST and each of its messages, so that both can be found again; pure."""

from dataclasses import dataclass
from hashlib import sha256

# Sixteen letters for sixteen digits: an id of letters alone is never masked, nor taken for a
# number, wherever it is shown.
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_ID_CHARS = 32  # 128 bits; WATI looks up ids of 10 to 64 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class PostIdentity:
    """What a POST is known by at WATI; on disk before it is made.

    Attributes:
        broadcast_name: Exact, and no other POST's.
        message_ids: ``local_message_id`` of each message, in the POST's order.
    """

    broadcast_name: str
    message_ids: tuple[str, ...]


class PostNames:
    """The identities of one run's POSTs, in order; a POST that is repeated gets another."""

    def __init__(self, label: str, run_id: str) -> None:
        """Take what the names are made of.

        Args:
            label: ``BROADCAST_NAME``.
            run_id: Such as ``20261122T091523-3f9a``.
        """
        self._run_id = run_id
        self._stem = f"{label} {run_id}"
        self._posts = 0

    def next(self, count: int) -> PostIdentity:
        """Return the identity of the next POST, of count messages.

        The ids are hashes of run, POST and place: they hold nothing of a lead.
        """
        self._posts += 1
        # Three digits, so that no name of a run's first thousand begins another.
        return PostIdentity(
            broadcast_name=f"{self._stem} {self._posts:03d}",
            message_ids=tuple(self._message_id(place) for place in range(count)),
        )

    def _message_id(self, place: int) -> str:
        seed = f"{self._run_id}/{self._posts}/{place}".encode()
        return sha256(seed).hexdigest()[:_ID_CHARS].translate(_LETTERS)
