"""SIRET and SIREN numbers: shape, keys, VAT number. The only file that knows python-stdnum."""

from dataclasses import dataclass

from stdnum import luhn
from stdnum.fr import siren as stdnum_siren

LA_POSTE = "356000000"
# In the register although their keys are wrong: a person confirms, nothing is blocked.
KNOWN_WITHOUT_KEY = frozenset({"88974287600009"})
_SEPARATORS = frozenset(" \t\r\n\u00a0\u2007\u2009\u202f\u2060\ufeff.-\u2010\u2011\u2012\u2013")
_DIGITS = frozenset("0123456789")
_UNUSUAL = "Ce numéro ne respecte pas la clé de contrôle habituelle, mais il figure au répertoire Sirene : vérifiez-le."


class SiretError(ValueError):
    """A number that cannot be used.

    `reason` is one of empty, not_digits, siren_only, length, all_zero, key, siren_key; `sentence` is for the person
    who typed it; `siren` is set for `siren_only`: the caller then proposes the establishments.
    """

    def __init__(self, reason: str, sentence: str, siren: str | None = None) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.siren = siren


@dataclass(frozen=True, slots=True)
class Siren:
    """A legal unit's number, nine ASCII digits."""

    value: str
    warnings: tuple[str, ...] = ()

    @property
    def vat(self) -> str:
        """The VAT number computed from the SIREN; computed is not existing (VIES knows)."""
        return vat_number(self.value)

    def __str__(self) -> str:
        return " ".join((self.value[:3], self.value[3:6], self.value[6:]))


@dataclass(frozen=True, slots=True)
class Siret:
    """An establishment's number, fourteen ASCII digits: SIREN (9) and NIC (5)."""

    value: str
    warnings: tuple[str, ...] = ()

    @property
    def siren(self) -> str:
        return self.value[:9]

    @property
    def nic(self) -> str:
        return self.value[9:]

    @property
    def vat(self) -> str:
        """The VAT number computed from the SIREN; computed is not existing (VIES knows)."""
        return vat_number(self.siren)

    def __str__(self) -> str:
        return f"{Siren(self.siren)} {self.nic}"


def parse_siret(text: str) -> Siret:
    """Read a typed SIRET; spaces, dots and dashes are tolerated, other digits than 0-9 are not.

    The key is checked on the fourteen digits and on the nine of the SIREN; La Poste's establishments pass by the key
    or by a sum of digits multiple of 5 (InseeFrLab/validinsee). Raises SiretError.
    """
    digits = _digits(text, "SIRET", 14)
    if len(digits) == 9:
        siren = parse_siren(digits)
        raise SiretError(
            "siren_only",
            f"{siren} est un numéro SIREN (9 chiffres) : indiquez le SIRET (14 chiffres) de l’établissement.",
            siren.value,
        )
    _check_length(digits, "SIRET", 14)
    if digits in KNOWN_WITHOUT_KEY:
        return Siret(digits, (_UNUSUAL,))
    if not has_siret_key(digits):
        raise SiretError("key", f"Le SIRET {Siret(digits)} n’existe pas : un chiffre est sans doute mal recopié.")
    if not has_siren_key(digits[:9]):
        raise SiretError("siren_key", f"Le SIRET {Siret(digits)} n’existe pas : ses 9 premiers chiffres sont faux.")
    return Siret(digits)


def parse_siren(text: str) -> Siren:
    """Read a typed SIREN (nine digits, Luhn key). Raises SiretError."""
    digits = _digits(text, "SIREN", 9)
    _check_length(digits, "SIREN", 9)
    if any(known.startswith(digits) for known in KNOWN_WITHOUT_KEY):
        return Siren(digits, (_UNUSUAL,))
    if not has_siren_key(digits):
        raise SiretError("siren_key", f"Le SIREN {Siren(digits)} n’existe pas : un chiffre est sans doute mal recopié.")
    return Siren(digits)


def has_siret_key(digits: str) -> bool:
    """Whether fourteen digits carry a right key, La Poste's rule included; the SIREN's own key is not looked at."""
    if luhn.is_valid(digits):
        return True
    return digits.startswith(LA_POSTE) and sum(map(int, digits)) % 5 == 0


def has_siren_key(digits: str) -> bool:
    """Whether nine digits carry a right Luhn key."""
    return bool(stdnum_siren.is_valid(digits))


def vat_number(siren: str) -> str:
    """FR, two key digits (zero-padded), SIREN: `130025265` gives `FR07130025265`."""
    return "FR" + stdnum_siren.to_tva(siren)


def _digits(text: str, name: str, length: int) -> str:
    compact = "".join(c for c in text if c not in _SEPARATORS)
    if not compact:
        raise SiretError("empty", f"Indiquez un numéro {name} : {length} chiffres.")
    if not _DIGITS.issuperset(compact):
        raise SiretError("not_digits", f"Un numéro {name} n’a que des chiffres de 0 à 9 ({length} chiffres).")
    if not compact.strip("0"):
        raise SiretError("all_zero", f"Un numéro {name} ne peut pas être fait que de zéros.")
    return compact


def _check_length(digits: str, name: str, length: int) -> None:
    if len(digits) != length:
        raise SiretError("length", f"Un numéro {name} a {length} chiffres ; vous en avez saisi {len(digits)}.")
