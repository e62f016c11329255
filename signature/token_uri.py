"""Where a key is in a token (an HSM, a card, SoftHSM2): the PKCS#11 URI of RFC 7512, read without loading PKCS#11."""

from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_to_bytes, urlsplit

_PATH = ("token", "serial", "object", "id", "type")
_QUERY = ("module-path", "pin-source")


@dataclass(frozen=True)
class TokenPlace:
    """A private key in a token. `module` is the library's path, `pin_file` a file that holds the PIN.

    `environment`: what the module reads when it starts, (name, value).
    """

    module: str
    token: str = ""
    serial: str = ""
    label: str = ""
    id: bytes = b""
    pin_file: str = ""
    pin: str = field(default="", repr=False)
    environment: tuple[tuple[str, str], ...] = ()


def parse_token_uri(value: object) -> object:
    """The setting's text → TokenPlace; anything else goes through. Raises ValueError, one French sentence.

    A PIN inside the URI is refused: settings are printed, files are not.
    """
    if not isinstance(value, str):
        return value
    if not value.startswith("pkcs11:"):
        raise ValueError("une adresse PKCS#11 (RFC 7512) est attendue, « pkcs11:token=…;object=…?module-path=… »")
    path, _, query = value.removeprefix("pkcs11:").partition("?")
    where, how = _attributes(path, ";", _PATH), _attributes(query, "&", _QUERY)
    if "module-path" not in how:
        raise ValueError("« module-path » manque : c’est le chemin de la bibliothèque PKCS#11")
    if not ("object" in where or "id" in where):
        raise ValueError("« object » ou « id » manque : c’est le nom de la clé dans le jeton")
    if where.get("type", "private") != "private":
        raise ValueError("« type » ne peut être que « private »")
    return TokenPlace(
        module=unquote(how["module-path"]),
        token=unquote(where.get("token", "")),
        serial=unquote(where.get("serial", "")),
        label=unquote(where.get("object", "")),
        id=unquote_to_bytes(where.get("id", "")),
        pin_file=_file(unquote(how.get("pin-source", ""))),
    )


def _attributes(text: str, separator: str, known: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise ValueError("le code PIN ne s’écrit pas dans l’adresse : « pin-source=file:… », ou MPS_SEAL_PIN")
        if name not in known or not equals or name in found:
            raise ValueError(f"« {name} » n’est pas lu ici, ou l’est deux fois ; sont lus : {', '.join(known)}")
        found[name] = value
    return found


def _file(source: str) -> str:
    """`file:/etc/pin`, `file:///etc/pin` or a bare path; a command (`|…`) is not run."""
    path = urlsplit(source).path if source.startswith("file:") else source
    if path and not path.startswith("/"):
        raise ValueError("« pin-source » est le chemin entier d’un fichier")
    return path
