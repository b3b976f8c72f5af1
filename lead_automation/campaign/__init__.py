"""The steps of a run: when to send, what follows from an answer, what to ask and when to stop."""
