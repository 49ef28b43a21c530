"""KPIs and report tables over the ledger. Pure."""
