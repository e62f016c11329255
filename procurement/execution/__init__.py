"""A contract while it runs: who is paid, on which account, up to what; what changes it; what ends it."""
