"""A results file as findings, tables, plots and one page."""
