"""From a SIRET to facts and certificates: plain input, frozen dataclasses out; no database, no web framework."""
