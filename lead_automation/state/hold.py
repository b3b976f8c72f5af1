"""The hold: present while all sending is held, with the reason and what the operator does.

``campaign_hold.json``: ``{"reason": "…", "since": "2026-11-22T09:15:24+05:30", "until": null,
"evidence": "…", "what_to_do": ["…"]}``; ``until`` null holds until ``resume``.
"""

import json
from pathlib import Path

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.models import Hold
from lead_automation.state.schema import Pool, check_keys, object_of, refuse, text_of
from lead_automation.state.strictfile import MIB, check_version, load_json, save_file

HOLD_FILE = "campaign_hold.json"

_KEYS = frozenset({"reason", "since", "until", "evidence", "what_to_do"})


class HoldFile:
    """The hold of a state directory."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        """Prepare; nothing is read yet."""
        self._disk = disk
        self._path = folder / HOLD_FILE

    def read(self) -> Hold | None:
        """Return the hold that stands there; ``is_active`` tells whether it still holds.

        Raises:
            StateError: The file is damaged or not readable. What it said is not known, so nothing
                may be sent.
        """
        return load_json(self._disk, self._path, _parse, max_bytes=MIB)

    def set(self, hold: Hold) -> None:
        """Hold sending; where a hold stands already, the one that lasts longer stays.

        Raises:
            StateError: The file is damaged, or could not be written.
        """
        before = self.read()
        if before is None or _lasts_as_long(hold, before):
            save_file(self._disk, self._path, _dump(hold), max_bytes=MIB)

    def lift(self) -> None:
        """Let sending go on; a damaged file goes too, for an operator has decided.

        Raises:
            StateError: The file could not be removed.
        """
        try:
            self._disk.remove(self._path)
            self._disk.sync_folder(self._path.parent)
        except OSError as exc:
            msg = f"{self._path} could not be removed: {exc.strerror or exc}"
            hint = "Check the permissions of the state directory and whose it is."
            raise StateError(msg, path=self._path, hint=hint) from exc


def _lasts_as_long(hold: Hold, before: Hold) -> bool:
    if hold.until is None:
        return True
    return before.until is not None and hold.until >= before.until


def _parse(value: object) -> Hold:
    fields = object_of(value)
    check_version(fields)
    check_keys(fields, _KEYS)
    pool = Pool()
    since = pool.parse_time(fields["since"], "since")
    if since is None:
        refuse(None, "the time it was set", "since")
    steps = fields["what_to_do"]
    if not isinstance(steps, list):
        refuse(steps, "a list of steps", "what_to_do")
    return Hold(
        reason=text_of(fields["reason"], "reason"),
        since=since,
        evidence=text_of(fields["evidence"], "evidence"),
        what_to_do=tuple(text_of(step, "what_to_do") for step in steps),
        until=pool.parse_time(fields["until"], "until"),
    )


def _dump(hold: Hold) -> bytes:
    """Return the file, indented for the person who reads it."""
    fields = {
        "reason": hold.reason,
        "since": hold.since.isoformat(),
        "until": hold.until.isoformat() if hold.until else None,
        "evidence": hold.evidence,
        "what_to_do": list(hold.what_to_do),
    }
    try:
        return json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair in WATI's words
        return json.dumps(fields, indent=2).encode() + b"\n"
