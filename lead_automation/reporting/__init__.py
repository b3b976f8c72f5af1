"""What people see: log lines, figures, summary and reports."""
