"""Call flows and the site: from YAML text to checked meaning to Asterisk dialplan. Pure."""
