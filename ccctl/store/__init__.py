"""The database: ledger, journal, queries."""
