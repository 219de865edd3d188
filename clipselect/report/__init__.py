"""Results files as findings, tables, plots and one page."""
