"""asn1crypto gives back what it read as it read it. Importing this mends its `dump`, for pyHanko too.

It takes any header that ends in 0x80 for one of indefinite length, `30 82 09 80` among them: one structure in 256 was
written anew, which takes seconds for a timestamp within a signature, and may change the bytes that were signed.
"""

from typing import Any

from asn1crypto import core


def _mended(written: Any) -> Any:
    def dump(self: Any, force: bool = False) -> bytes:
        header = self._header
        if not force and header is not None and len(header) > 2 and header[-1] == 0x80:
            contents = self.contents  # where something was changed, this drops the header
            if self._header is header:
                return bytes(header + contents + self._trailer)
        return bytes(written(self, force))

    return dump


for _kind in (core.Asn1Value, core.Sequence, core.SequenceOf):
    _kind.dump = _mended(_kind.dump)
