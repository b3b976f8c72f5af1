"""The simulator of WATI and the CRM: what ``run --sandbox`` and the tests talk to."""
