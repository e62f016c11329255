"""Invoices: read, check against the rules, match to a contract. Plain functions, meant for a worker process."""
