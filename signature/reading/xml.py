"""XML that someone else wrote: hardened parsing, identifiers, canonical forms, and the few transforms allowed.

XMLDSig (RFC 3275, W3C) lets a signature run programs; only transforms whose effect a reader can see are known here.
"""

import base64
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lxml import etree

from signature.errors import Unreadable

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
XADES141 = "http://uri.etsi.org/01903/v1.4.1#"
NS = {"ds": DS, "xades": XADES, "xades141": XADES141}
FILTER2 = "http://www.w3.org/2002/06/xmldsig-filter2"
MOST_BYTES = 50_000_000
MOST_DEPTH = 200
# Algorithm → (exclusive, with comments).
CANONICAL = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315": (False, False),
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments": (False, True),
    "http://www.w3.org/2006/12/xml-c14n11": (False, False),
    "http://www.w3.org/2006/12/xml-c14n11#WithComments": (False, True),
    "http://www.w3.org/2001/10/xml-exc-c14n#": (True, False),
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments": (True, True),
}
DEFAULT_CANONICAL = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = DS + "enveloped-signature"
BASE64 = DS + "base64"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_ID_NAMES = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")
_XML = "{http://www.w3.org/XML/1998/namespace}"


class NotAllowed(Exception):
    """The signature asks for something that is not done here: one French sentence."""


@dataclass(frozen=True)
class Document:
    """A parsed file; identifiers that occur twice name nothing."""

    tree: Any

    @property
    def root(self) -> Any:
        return self.tree.getroot()

    @cached_property
    def _ids(self) -> tuple[dict[str, Any], Counter[str]]:
        found, count = {}, Counter[str]()
        for element in self.root.iter(etree.Element):
            for value in {element.get(name) for name in _ID_NAMES} - {None}:
                found[value] = element
                count[value] += 1
        return found, count

    def by_id(self, value: str) -> Any:
        """The one element of that identifier. Raises NotAllowed where there is none or several."""
        found, count = self._ids
        if count[value] > 1:
            raise NotAllowed("Un même identifiant désigne plusieurs parties du fichier : ce qui est signé est ambigu.")
        if value not in found:
            raise NotAllowed("La signature désigne une partie qui n’est pas dans le fichier.")
        return found[value]

    def signatures(self) -> list[Any]:
        """Every ds:Signature in the order of the file, but counter-signatures."""
        found = self.root.iter(f"{{{DS}}}Signature")
        return [s for s in found if next(s.iterancestors(f"{{{XADES}}}CounterSignature"), None) is None]


def parse(content: bytes) -> Document:
    """Parse untrusted XML: no DTD, no entity, no network. Raises Unreadable."""
    if len(content) > MOST_BYTES:
        raise Unreadable("Le fichier XML est trop grand pour être examiné.")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise Unreadable("Le fichier XML contient une déclaration DOCTYPE : ce n’est pas accepté.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        tree = etree.ElementTree(etree.fromstring(content, parser))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("Le fichier est un XML abîmé ou incomplet : il ne peut être lu.") from error
    if tree.docinfo.internalDTD is not None or tree.docinfo.externalDTD is not None:
        raise Unreadable("Le fichier XML contient une déclaration DOCTYPE : ce n’est pas accepté.")
    return Document(tree)


def canonical(node: Any, algorithm: str, prefixes: tuple[str, ...] = ()) -> bytes:
    """The canonical bytes of a tree or of an element in its context. Raises NotAllowed."""
    if algorithm not in CANONICAL:
        raise NotAllowed("La signature demande une forme canonique inconnue.")
    exclusive, comments = CANONICAL[algorithm]
    apart = node if hasattr(node, "getroot") else etree.ElementTree(_apart(node, "c14n11" in algorithm))
    options: dict[str, Any] = {"exclusive": exclusive, "with_comments": comments}
    if exclusive and prefixes:
        options["inclusive_ns_prefixes"] = list(prefixes)
    return bytes(etree.tostring(apart, method="c14n", **options))


def _apart(element: Any, newer: bool) -> Any:
    """A copy of the element as a root, with the namespaces and the xml: attributes in whose scope it stands."""
    alone = etree.Element(element.tag, nsmap=element.nsmap)
    inherited = {}
    for ancestor in reversed(list(element.iterancestors())):
        inherited.update({k: v for k, v in ancestor.attrib.items() if k.startswith(_XML)})
    if newer:  # canonical XML 1.1 does not inherit xml:id
        inherited.pop(_XML + "id", None)
    for key, value in {**inherited, **element.attrib}.items():
        alone.set(key, value)
    alone.text = element.text
    for child in element:
        alone.append(copy.deepcopy(child))
    return alone


def apply(document: Document, signature: Any, node: Any, whole: bool, transforms: list[Any]) -> bytes:
    """The bytes that a same-document reference digests. Raises NotAllowed on any transform that is not listed."""
    current, data = node, None
    for transform in transforms:
        algorithm = transform.get("Algorithm", "")
        if data is not None:
            raise NotAllowed("La signature transforme encore ce qui n’est plus du XML.")
        if algorithm in CANONICAL:
            data = canonical(_subject(document, current, whole), algorithm, prefixes_of(transform))
        elif algorithm == BASE64:
            data = _decoded(current)
        elif takes_signature_out(transform):
            current, document = _without(document, signature, current, everything=_subtracts_all(transform))
        else:
            raise NotAllowed("La signature demande une transformation qui n’est pas acceptée ici.")
    if data is None:
        data = canonical(_subject(document, current, whole), DEFAULT_CANONICAL)
    return data


def _subject(document: Document, node: Any, whole: bool) -> Any:
    return document.tree if whole else node


def prefixes_of(transform: Any) -> tuple[str, ...]:
    """PrefixList of exclusive canonicalisation."""
    found = transform.find("{http://www.w3.org/2001/10/xml-exc-c14n#}InclusiveNamespaces")
    return tuple((found.get("PrefixList") or "").replace("#default", "").split()) if found is not None else ()


def takes_signature_out(transform: Any) -> bool:
    """The enveloped-signature transform, or one of the two XPath that say the same."""
    algorithm = transform.get("Algorithm", "")
    return algorithm == ENVELOPED or _is_known_xpath(transform, algorithm) or _subtracts_all(transform)


def _is_known_xpath(transform: Any, algorithm: str) -> bool:
    found = transform.find(f"{{{DS}}}XPath") if algorithm == XPATH else None
    if found is None or len(transform) != 1:
        return False
    prefix = next((p for p, uri in found.nsmap.items() if uri == DS and p), "")
    return "".join((found.text or "").split()) == f"not(ancestor-or-self::{prefix}:Signature)"


def _subtracts_all(transform: Any) -> bool:
    found = transform.find(f"{{{FILTER2}}}XPath") if transform.get("Algorithm") == FILTER2 else None
    if found is None or len(transform) != 1 or found.get("Filter") != "subtract":
        return False
    prefix = next((p for p, uri in found.nsmap.items() if uri == DS and p), "")
    return "".join((found.text or "").split()) in (f"/descendant::{prefix}:Signature", f"//{prefix}:Signature")


def _without(document: Document, signature: Any, node: Any, *, everything: bool) -> tuple[Any, Document]:
    """The node in a copy of the document from which the signature (or all of them) was taken."""
    twin = Document(copy.deepcopy(document.tree))
    inside, target = _same_place(twin, node), _same_place(twin, signature)
    for each in list(inside.iter(f"{{{DS}}}Signature")) if everything else [target]:
        _remove(each)
    return inside, twin


def _same_place(twin: Document, node: Any) -> Any:
    """The element that stands in a copy where `node` stands in its document."""
    steps = []
    while (parent := node.getparent()) is not None:
        steps.append(parent.index(node))
        node = parent
    found = twin.root
    for step in reversed(steps):
        found = found[step]
    return found


def _remove(element: Any) -> None:
    """Take an element out and leave the text after it."""
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        raise NotAllowed("La signature enveloppe le fichier et prétend s’en exclure.")
    if element.tail:
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def _decoded(node: Any) -> bytes:
    try:
        return base64.b64decode("".join("".join(node.itertext()).split()), validate=True)
    except ValueError as error:
        raise NotAllowed("Une partie signée n’est pas du Base64 lisible.") from error


def leaves(root: Any, signed: list[Any]) -> Iterator[Any]:
    """Elements that hold something (text, attributes) and are neither signed, nor within a signature, nor wrappers."""
    covered = set(signed)
    if root in covered or root.tag == f"{{{DS}}}Signature":
        return
    wraps = any(node in covered for node in root.iter(etree.Element))
    text = (root.text or "").strip() or any((child.tail or "").strip() for child in root)
    if text or (not wraps and not len(root)):
        yield root
        return
    for child in root.iterchildren(etree.Element):
        yield from leaves(child, signed)
