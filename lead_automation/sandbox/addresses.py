"""The addresses a simulator is reached at, as settings want them."""

from dataclasses import dataclass
from typing import Literal

from lead_automation.sandbox.routes import LEAD_PATH, LOG_PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where WATI and the CRM are.

    Attributes:
        wati_origin: ``http://127.0.0.1:PORT``, no slash at the end.
        crm_origin: Likewise; another port, so that one can be down without the other.
    """

    wati_origin: str
    crm_origin: str

    def wati_base_url(self, version: Literal["v1", "v2"] = "v2", tenant: str | None = None) -> str:
        """Return ``WATI_BASE_URL`` as the dashboard would show it."""
        segment = f"/{tenant}" if tenant else ""
        return f"{self.wati_origin}{segment}/api/{version}"

    @property
    def lead_url(self) -> str:
        """``LEAD_API_URL``."""
        return self.crm_origin + LEAD_PATH

    @property
    def log_url(self) -> str:
        """``WATI_LOG_API_URL``."""
        return self.crm_origin + LOG_PATH
