"""Recording policy. Pure."""
