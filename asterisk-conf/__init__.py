"""Configuration of Asterisk: hand-written base files and templates."""
