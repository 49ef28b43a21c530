"""A private Asterisk with phones, for trials, tests and benchmarks."""
