"""Flow tests on a real Asterisk: a private lab, calls by Local channels, stand-ins for phones and daemon."""
