"""The static pages: a pure function of entries, standings, ledger and board."""
