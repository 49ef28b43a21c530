"""Supervision: who may hear whom, in which mode. Pure."""
