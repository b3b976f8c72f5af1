"""Check the report of the sandbox run: every outcome a lead can have is among its rows."""

import json
import sys
from pathlib import Path

STATUSES = {"sent", "delivered", "read", "failed", "pending"}
CATEGORIES = {"invalid_number", "not_on_whatsapp", "opt_out", "network_error", "unknown_error"}


def main(path: str) -> int:
    """Return 1 and say what is missing, else 0."""
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    rows = report["lead_rows"]
    missing = STATUSES - {row["status"] for row in rows}
    missing |= CATEGORIES - {row.get("error_category") for row in rows}
    if missing or report["status"] != "completed" or report["mode"] != "sandbox":
        sys.stderr.write(f"sandbox report: {report['status']}, missing: {sorted(missing)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
