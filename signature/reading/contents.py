"""Files that came beside a signature, found by their digest whatever their names."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

Contents = Mapping[str, bytes]
ABSENT = "Le fichier signé manque : joignez-le à la signature pour qu’elle puisse être vérifiée."


def digest_of(content: bytes, name: str) -> bytes:
    """By asn1crypto's name of the digest (sha256, sha3_256…). Raises ValueError on an unknown one."""
    return hashlib.new(name, content).digest()


@dataclass
class Shelf:
    """The files given with a signature; it remembers which were claimed by one."""

    files: Contents
    claimed: set[str] = field(default_factory=set)
    _known: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def digest(self, name: str, algorithm: str) -> bytes:
        """The digest of one file, computed once."""
        key = (name, algorithm)
        if key not in self._known:
            self._known[key] = digest_of(self.files[name], algorithm)
        return self._known[key]

    def matching(self, algorithm: str, expected: bytes) -> str | None:
        """The name of a file with that digest, claimed from now on; None where there is none."""
        for name in self.files:
            if self.digest(name, algorithm) == expected:
                self.claimed.add(name)
                return name
        return None

    @property
    def unsigned(self) -> tuple[str, ...]:
        """Sentences on files that no signature covers."""
        left = [name for name in self.files if name not in self.claimed]
        return tuple(f"Le fichier « {name} » : aucune signature ne le couvre." for name in left)
