"""Run as ``python -m lead_automation``."""

from lead_automation.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
