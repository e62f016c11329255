"""Making an ASiC-S container (EN 319 162-1): one file and the CAdES signature over it, in one ZIP."""

import zipfile
from datetime import datetime
from io import BytesIO

from signature.making.cades import sign_cades
from signature.making.keys import Key
from signature.making.stamps import Timestamp

MIME = "application/vnd.etsi.asic-s+zip"


def sign_asic(content: bytes, name: str, key: Key, timestamp: Timestamp | None, at: datetime) -> bytes:
    """The container of `content`, called `name` inside; level T with `timestamp`, else B. Raises SignatureError."""
    entries = {name: content, "META-INF/signature.p7s": sign_cades(content, key, timestamp, at)}
    output = BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr(_entry("mimetype", zipfile.ZIP_STORED), MIME)
        for each, data in entries.items():
            archive.writestr(_entry(each, zipfile.ZIP_DEFLATED), data)
    return output.getvalue()


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = compression
    return info
