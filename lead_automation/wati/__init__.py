"""The vendor: what is asked of WATI, and what its answers mean."""
