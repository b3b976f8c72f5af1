"""Who is written to, and from whom."""
