"""What the commands print and write: terminal, JSON, CSV, plots and pages."""
