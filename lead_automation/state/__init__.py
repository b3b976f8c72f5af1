"""What must survive: quotas, history, the journal of the run in progress, lists and locks."""
