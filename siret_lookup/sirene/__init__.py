"""Optional local mirror of the Sirene stock: build it (`build.py`), look a SIRET up, search by name.

A mirror is one SQLite file that `build` swaps in whole; reading it needs the standard library only.
"""

from siret_lookup.sirene.mirror import BadMirror, Mirror, Succession, lookup, successors
from siret_lookup.sirene.names import Found, search

__all__ = ["BadMirror", "Found", "Mirror", "Succession", "lookup", "search", "successors"]
