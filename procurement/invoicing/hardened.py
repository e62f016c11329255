"""Untrusted XML, whoever sent it: no DOCTYPE, no entity, no network, capped."""

from lxml import etree

_TOO_BIG = "Ce fichier XML est trop gros ({limit} Mo au plus)."
_DOCTYPE = "Ce fichier XML contient une déclaration DOCTYPE : elle est refusée, un tel fichier n’en a jamais besoin."
_CROWDED = (
    "Ce fichier XML a un élément de plus de {limit} attributs (« {element} ») : il n’est pas lu, aucun document n’en a "
    "autant."
)
# Checks compare each attribute with all the others.
MAX_ATTRIBUTES = 100
_ENCODING = (
    "Ce fichier XML n’est pas écrit dans le codage de caractères qu’il annonce{where} : il serait mal lu. Demandez au "
    "fournisseur de le produire à nouveau, en UTF-8."
)
_NOT_XML = "Ce fichier n’est pas un document lisible : ni PDF, ni XML bien formé{where}."
# What libxml2 says of bytes that are not of the announced encoding, or of an encoding that it does not know.
_OF_ENCODING = frozenset(
    {
        etree.ErrorTypes.ERR_INVALID_ENCODING,
        etree.ErrorTypes.ERR_UNKNOWN_ENCODING,
        etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
        etree.ErrorTypes.ERR_ENCODING_NAME,
        etree.ErrorTypes.I18N_CONV_FAILED,
    }
)


class XmlRefused(Exception):
    """The document is not taken; `sentence` is French and shown to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def parse_xml(content: bytes, max_bytes: int) -> etree._Element:
    """Parse untrusted XML. Raises XmlRefused.

    Comments and processing instructions are dropped, so that a value split by a comment reads whole everywhere.
    """
    if len(content) > max_bytes:
        raise XmlRefused(_TOO_BIG.format(limit=max_bytes // (1024 * 1024)))
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise XmlRefused(_DOCTYPE)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        tree = etree.fromstring(content.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        said = _ENCODING if getattr(error, "code", 0) in _OF_ENCODING else _NOT_XML
        raise XmlRefused(said.format(where=f" (ligne {line})" if line else "")) from error
    if tree.getroottree().docinfo.internalDTD is not None:  # a DOCTYPE hidden by another encoding
        raise XmlRefused(_DOCTYPE)
    if crowded := tree.xpath(f"local-name(//*[@*[{MAX_ATTRIBUTES + 1}]])"):
        raise XmlRefused(_CROWDED.format(limit=MAX_ATTRIBUTES, element=str(crowded)[:60]))
    return tree
