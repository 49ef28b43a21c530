"""Queues: who waits, who gets the next call and why. Pure."""
