"""Write what is made of the settings' declarations: ``python tests/settings_pages.py``."""

from pathlib import Path

from lead_automation.settings.keys import KEYS
from lead_automation.settings.render import render_example, render_page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"config.env.example": render_example(KEYS), "docs/settings.md": render_page(KEYS)}

if __name__ == "__main__":
    for name, text in PAGES.items():
        (ROOT / name).write_text(text, encoding="utf-8")
