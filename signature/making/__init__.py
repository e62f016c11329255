"""Making signatures: PAdES, CAdES, XAdES, with a key at hand or a key elsewhere."""
