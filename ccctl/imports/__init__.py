"""Old data for the ledger: files of other systems, read line by line. Pure."""
