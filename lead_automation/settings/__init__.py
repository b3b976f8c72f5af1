"""Read ``config.env``: find it, check every value, report every problem at once."""
