"""What an XML signature covers: each ds:Reference resolved, digested and compared, in the file or in one beside it."""

import base64
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from signature.reading.contents import Shelf, digest_of
from signature.reading.xml import (
    CANONICAL,
    DS,
    NS,
    Document,
    NotAllowed,
    apply,
    canonical,
    parse,
    prefixes_of,
    takes_signature_out,
)

MOST_REFERENCES = 1000
MOST_TRANSFORMS = 8
PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"
MANIFEST_TYPE = DS + "Manifest"
DIGESTS = {
    "http://www.w3.org/2001/04/xmldsig-more#md5": "md5",
    DS + "sha1": "sha1",
    "http://www.w3.org/2001/04/xmldsig-more#sha224": "sha224",
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    "http://www.w3.org/2007/05/xmldsig-more#sha3-256": "sha3_256",
    "http://www.w3.org/2007/05/xmldsig-more#sha3-384": "sha3_384",
    "http://www.w3.org/2007/05/xmldsig-more#sha3-512": "sha3_512",
}
CHANGED = "Ce qui est signé a été modifié après la signature : l’empreinte n’est plus la même."
CHANGED_FILE = "Le fichier donné n’est pas celui qui a été signé, ou il a été modifié depuis."


class Absent(Exception):
    """A file that is signed was not given."""


class Changed(Exception):
    """Something signed does not have its digest any more: one French sentence."""


@dataclass(frozen=True)
class Covered:
    """One reference that holds: the node it covers in the file (or the name of a file), and the digest it uses."""

    digest: str
    octets: bytes
    node: Any = None
    whole: bool = False
    file: str = ""
    role: str = ""


@dataclass(frozen=True)
class Resolver:
    """References of one signature; `by_name`: in a container a file is found by its name, else by its digest."""

    document: Document
    signature: Any
    shelf: Shelf
    by_name: bool = False

    def all(self, holder: Any) -> list[Covered]:
        """Every reference of SignedInfo, and those of a manifest it signs. Raises NotAllowed, Absent, Changed."""
        references = holder.findall("ds:Reference", NS)
        if not references or len(references) > MOST_REFERENCES:
            raise NotAllowed("La signature ne désigne rien, ou beaucoup trop de choses.")
        return [found for reference in references for found in self._with_manifest(reference)]

    def _with_manifest(self, reference: Any) -> Iterator[Covered]:
        found = self._one(reference)
        yield found
        if found.role == MANIFEST_TYPE:
            if found.node is None or found.node.tag != f"{{{DS}}}Manifest" or not self._own(found.node):
                raise NotAllowed("La liste de fichiers signés (manifeste) n’est pas dans la signature.")
            references = found.node.findall("ds:Reference", NS)
            if len(references) > MOST_REFERENCES:
                raise NotAllowed("La liste de fichiers signés est beaucoup trop longue.")
            yield from (self._one(each) for each in references)

    def _own(self, node: Any) -> bool:
        return any(ancestor is self.signature for ancestor in node.iterancestors())

    def _one(self, reference: Any) -> Covered:
        uri, role = reference.get("URI"), reference.get("Type", "")
        transforms = reference.findall("ds:Transforms/ds:Transform", NS)
        if len(transforms) > MOST_TRANSFORMS:
            raise NotAllowed("La signature demande beaucoup trop de transformations.")
        name, expected = digest_told(reference, "La signature emploie une empreinte inconnue.")
        if uri is None or not (uri == "" or uri.startswith("#")):
            return self._beside(uri, name, expected, transforms, role)
        node, whole = self._target(uri)
        octets = apply(self.document, self.signature, node, whole, transforms)
        if not hmac.compare_digest(digest_of(octets, name), expected):
            raise Changed(CHANGED)
        if any(takes_signature_out(transform) for transform in transforms) and not self._within(node):
            raise NotAllowed("La signature n’est plus à sa place dans ce qu’elle signe : le fichier a été recomposé.")
        return Covered(name, octets, node, whole, role=role)

    def _within(self, node: Any) -> bool:
        return any(ancestor is node for ancestor in self.signature.iterancestors())

    def _target(self, uri: str) -> tuple[Any, bool]:
        if uri in ("", "#xpointer(/)"):
            return self.document.root, True
        name = uri[1:]
        if name.startswith("xpointer(id("):
            name = name.removeprefix("xpointer(id(").removesuffix("))").strip("'\"")
        node = self.document.by_id(name)
        return node, False

    def _beside(self, uri: str | None, name: str, expected: bytes, transforms: list[Any], role: str) -> Covered:
        """A file beside the signature; nothing is ever fetched."""
        wanted = unquote(uri or "")
        candidates = [wanted] if self.by_name else list(self.shelf.files)
        present = [each for each in candidates if each in self.shelf.files]
        if not present:
            raise Absent(wanted)
        for each in present:
            content = _transformed(self.shelf.files[each], transforms)
            if hmac.compare_digest(digest_of(content, name), expected):
                self.shelf.claimed.add(each)
                return Covered(name, content, file=each, role=role)
        raise Changed(CHANGED_FILE)


def _transformed(content: bytes, transforms: list[Any]) -> bytes:
    if not transforms:
        return content
    algorithm = transforms[0].get("Algorithm", "")
    if len(transforms) > 1 or algorithm not in CANONICAL:
        raise NotAllowed("La signature demande une transformation qui n’est pas acceptée ici.")
    return canonical(parse(content).tree, algorithm, prefixes_of(transforms[0]))


def digest_told(entry: Any, unknown: str) -> tuple[str, bytes]:
    """DigestMethod (asn1crypto’s name) and DigestValue of an element. Raises NotAllowed: `unknown`, or Base64."""
    method, value = entry.find("ds:DigestMethod", NS), entry.findtext("ds:DigestValue", "", NS)
    name = DIGESTS.get(method.get("Algorithm", "") if method is not None else "")
    if name is None:
        raise NotAllowed(unknown)
    return name, decoded(value)


def decoded(text: str | None) -> bytes:
    """Base64 with its spaces. Raises NotAllowed."""
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except ValueError as error:
        raise NotAllowed("La signature contient un Base64 illisible.") from error
