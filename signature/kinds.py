"""What a file is, by its first bytes: no format is parsed here, so that a web process may ask."""


def kind_of(content: bytes) -> str:
    """PAdES, XAdES, CAdES, ASiC by the first bytes, or an empty string."""
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in head:
        return "PAdES"
    if head.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<")):
        return "XAdES"
    if head.startswith(b"PK\x03\x04"):
        return "ASiC"
    armoured = (b"-----BEGIN PKCS7", b"-----BEGIN CMS", b"-----BEGIN PKCS #7", b"MII")
    if head.startswith((b"\x30\x80", b"\x30\x82", b"\x30\x83", b"\x30\x84", *armoured)):
        return "CAdES"
    return ""


def is_token(content: bytes) -> bool:
    """Whether this looks like a signature kept apart from its document: XML that holds one, or CMS."""
    kind = kind_of(content)
    return kind == "CAdES" or (kind == "XAdES" and b"http://www.w3.org/2000/09/xmldsig#" in content)
