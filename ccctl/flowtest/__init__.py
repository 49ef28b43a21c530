"""Flow tests: their format, what a caller experiences, the script that plays a caller, coverage. Pure."""
