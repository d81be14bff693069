"""Final accounts, audits, settlements and the ledger behind them."""
