"""Is a certificate revoked? What lists and answers say of it, each believed only where its signer may speak."""
