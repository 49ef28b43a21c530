"""Calls: the life of a call and its segments. Pure."""
