"""Sign, verify, explain. A leaf: plain bytes and trust in, frozen dataclasses out; nothing is fetched from here."""
