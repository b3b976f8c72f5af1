"""Send approved WhatsApp template messages to CRM leads through WATI."""

__version__ = "1.0.0"
