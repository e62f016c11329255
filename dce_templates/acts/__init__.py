"""Acts of a running contract and records of a procedure: amendment, subcontracting, opening, report."""
