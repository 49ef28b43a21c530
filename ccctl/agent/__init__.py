"""Agents: presence machine and skills. Pure."""
