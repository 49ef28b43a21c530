"""REST API, live feed and pages. Never talks to Asterisk itself."""
