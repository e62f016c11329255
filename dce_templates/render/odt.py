"""The Word file as OpenDocument, by LibreOffice where the machine has it: the .docx is converted, so the same words.

LibreOffice dates what it writes and draws numbers for its lists: the archive is written again, with one date and none.
"""

import io
import re
import shutil
import subprocess
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

MEDIA_TYPE = "application/vnd.oasis.opendocument.text"
SECONDS = 60
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DATES = re.compile(rb"(<(?:meta:creation-date|dc:date)>)[^<]*")
_RSID = re.compile(rb'(config:name="Rsid(?:Root)?" config:type="int">)\d+')
_LIST = re.compile(rb"(?<=\")list\d+(?=\")")
_EDITING = re.compile(rb"<meta:editing-(?:duration|cycles)>[^<]*</meta:editing-(?:duration|cycles)>")


class OdtError(RuntimeError):
    """The .odt could not be made; `str()` is one French sentence."""


def render_odt(word: bytes, now: datetime) -> bytes:
    """The .odt of a .docx made here; `now` (aware) is its only date. Raises OdtError: no LibreOffice, or it failed."""
    soffice = shutil.which("soffice")
    if soffice is None:
        raise OdtError("LibreOffice n'est pas installé sur cette machine : le format odt n'est pas disponible.")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "document.docx").write_bytes(word)
        command = [
            soffice, f"-env:UserInstallation={(place / 'profile').as_uri()}", "--headless", "--norestore",
            "--convert-to", "odt:writer8", "--outdir", folder, str(place / "document.docx"),
        ]  # fmt: skip
        try:
            # The only file it opens is ours; nothing a person typed stands on the command line.
            subprocess.run(command, capture_output=True, timeout=SECONDS, check=True, cwd=folder)  # noqa: S603
            made = (place / "document.odt").read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            raise OdtError("LibreOffice n'a pas pu produire le fichier odt.") from error
    return _steady(made, now)


def _numbered(content: bytes) -> bytes:
    """Lists are named by chance: here by their rank."""
    names = {name: b"list%d" % rank for rank, name in enumerate(dict.fromkeys(_LIST.findall(content)), 1)}
    return _LIST.sub(lambda found: names[found[0]], content)


def _steady(made: bytes, now: datetime) -> bytes:
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        # The type comes first and uncompressed, as OpenDocument asks (part 2, 3.3).
        names = sorted(before.namelist(), key=lambda name: (name != "mimetype", name))
        for name in names:
            data = before.read(name)
            if name == "meta.xml":
                data = _EDITING.sub(b"", _DATES.sub(rb"\g<1>" + moment, data))
            data = _numbered(data) if name == "content.xml" else _RSID.sub(rb"\g<1>0", data)
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            after.writestr(zipfile.ZipInfo(name, _EPOCH), data, kind)
    return out.getvalue()
