"""Archive timestamps of CAdES (EN 319 122-1, 5.5.3): what each covers, through its index of digests (5.5.2)."""

import hashlib
from collections.abc import Iterator
from typing import Any

from asn1crypto import algos, cms, core

from signature.engine import Stamp

ARCHIVE_STAMP = "0.4.0.1733.2.4"  # id-aa-ets-archiveTimestampV3
ARCHIVE_STAMP_V2 = "1.2.840.113549.1.9.16.2.48"  # older, not read: it may have come later, and proves nothing
HASH_INDEX = "0.4.0.19122.1.5"  # id-aa-ATSHashIndex-v3


class _Digests(core.SequenceOf):  # type: ignore[misc]
    _child_spec = core.OctetString


class _Index(core.Sequence):  # type: ignore[misc]
    """ATSHashIndexV3."""

    _fields = [
        ("algorithm", algos.DigestAlgorithm),
        ("certificates", _Digests),
        ("crls", _Digests),
        ("attributes", _Digests),
    ]


def archive_stamps(data: Any, info: Any, digest: bytes) -> tuple[Stamp, ...]:
    """The archive timestamps that protect all that stands beside the signature now; `digest`: of its content.

    One whose index leaves out a certificate, a list or an attribute (but archive timestamps) proves nothing of it: it
    is left out, as is one of which something is gone. Its digest must be the signature's: the content's is known so.
    """
    return tuple(_stamps(data, info, digest))


def _stamps(data: Any, info: Any, digest: bytes) -> Iterator[Stamp]:
    found = info["unsigned_attrs"]
    for attribute in found if isinstance(found, cms.CMSAttributes) else ():
        for value in attribute["values"] if attribute["type"].dotted == ARCHIVE_STAMP else ():
            token = cms.ContentInfo.load(value.dump())["content"]
            index = _index(token)
            if index is not None and _whole(_Index.load(index), data, info):
                yield Stamp(token, _imprint(data, info, digest, index))


def _index(token: Any) -> bytes | None:
    """The one index, an unsigned attribute of the timestamp itself."""
    attributes = token["signer_infos"][0]["unsigned_attrs"]
    held = attributes if isinstance(attributes, cms.CMSAttributes) else ()
    found = [value.dump() for each in held if each["type"].dotted == HASH_INDEX for value in each["values"]]
    return found[0] if len(found) == 1 else None


def _whole(index: Any, data: Any, info: Any) -> bool:
    name = index["algorithm"]["algorithm"].native

    def digests(*parts: bytes) -> bytes:
        return hashlib.new(name, b"".join(parts)).digest()

    certificates = {digests(each.dump()) for each in data["certificates"] or ()}
    crls = {digests(each.dump()) for each in data["crls"] or ()}
    every = [(each, value) for each in info["unsigned_attrs"] for value in each["values"]]
    attributes = {digests(each["type"].dump(), value.dump()) for each, value in every}
    later = (ARCHIVE_STAMP, ARCHIVE_STAMP_V2)
    needed = {digests(e["type"].dump(), v.dump()) for e, v in every if e["type"].dotted not in later}
    return bool(
        set(index["certificates"].native) == certificates
        and set(index["crls"].native) == crls
        and needed <= set(index["attributes"].native) <= attributes
    )


def _imprint(data: Any, info: Any, digest: bytes, index: bytes) -> Any:
    """The content's type and digest, the fields of the signer, the index (5.5.3, steps 1 to 4)."""
    kind = data["encap_content_info"]["content_type"].dump()
    fields = ("version", "sid", "digest_algorithm", "signed_attrs", "signature_algorithm", "signature")
    signer = [info[field].dump() for field in fields]
    own = info["digest_algorithm"]["algorithm"].native

    def imprint(name: str) -> bytes:
        if name != own:
            raise ValueError("the content's digest is known by another algorithm")
        return hashlib.new(name, b"".join([kind, digest, *signer, index])).digest()

    return imprint
