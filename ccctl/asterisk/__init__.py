"""Doors to Asterisk: AMI, ARI, configuration files."""
