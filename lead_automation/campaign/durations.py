"""Guess how long a call will take, so that none is begun that would be late."""

READ_GUESS_S = 0.1
"""What a status read is taken to last before one was measured; a wrong guess is cut off."""

ROW_GUESS_S = 0.5
"""The same of a CRM row, with more care: one that is cut off may be in the CRM twice."""

# Half as much again as the last calls took: a call that is cut off was made for nothing.
_CARE = 1.5
# Every wait left unused makes the guess a twentieth smaller: one slow answer is tried again after
# a dozen waits, not never.
_FORGET = 0.95
# A faster call moves the guess by a third: one quick answer among slow ones proves little.
_KEPT, _LEARNED = 0.7, 0.3


class CallDuration:
    """How long a call will take, from what the last ones did."""

    def __init__(self, first_s: float) -> None:
        """Begin with a guess in seconds."""
        self._seconds = first_s

    def fits(self, left_s: float) -> bool:
        """Whether a call begun now is likely to end within left_s."""
        return self._seconds * _CARE <= left_s

    def took(self, seconds: float) -> None:
        """Learn from a call: slow ones count at once, fast ones by and by."""
        self._seconds = max(seconds, _KEPT * self._seconds + _LEARNED * seconds)

    def skipped(self) -> None:
        """Forget a little: one slow answer must not keep every later wait unused."""
        self._seconds *= _FORGET
