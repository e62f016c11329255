"""The catalogue of released data in DCAT-AP, as JSON-LD: what data.gouv.fr and other portals harvest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CONTEXT: Mapping[str, str] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
LICENCES: Mapping[str, str] = {
    "Licence Ouverte 2.0": "https://www.etalab.gouv.fr/licence-ouverte-open-licence",
    "ODbL 1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
}
_EU = "http://publications.europa.eu/resource/authority/frequency/"
FREQUENCIES: Mapping[str, str] = {
    "temps réel": "UPDATE_CONT", "quotidienne": "DAILY", "hebdomadaire": "WEEKLY", "mensuelle": "MONTHLY",
    "trimestrielle": "QUARTERLY", "semestrielle": "ANNUAL_2", "annuelle": "ANNUAL", "unique": "NEVER",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Published:
    """One data set as it is released: its annex row, its page, the files of its releases (url, type, size, sha256)."""

    url: str
    terms: Mapping[str, Any]
    contract: str
    publisher: str
    publisher_siret: str
    place: str
    modified: datetime
    files: tuple[tuple[str, str, int, str], ...]


def catalog(url: str, title: str, datasets: Iterable[Published]) -> dict[str, Any]:
    """One `dcat:Catalog` with its data sets; `url` is the catalogue's own address."""
    return {
        "@context": dict(CONTEXT),
        "@id": url,
        "@type": "dcat:Catalog",
        "dct:title": {"@value": title, "@language": "fr"},
        "dct:language": "fr",
        "dcat:dataset": [_dataset(item) for item in datasets],
    }


def _dataset(item: Published) -> dict[str, Any]:
    terms = item.terms
    about = terms.get("description") or terms["title"]
    found: dict[str, Any] = {
        "@id": item.url,
        "@type": "dcat:Dataset",
        "dct:identifier": item.url,
        "dct:title": {"@value": terms["title"], "@language": "fr"},
        "dct:description": {"@value": f"{about} Produit par le marché {item.contract}.", "@language": "fr"},
        "dct:publisher": {
            "@id": f"urn:siret:{item.publisher_siret}", "@type": "foaf:Organization", "foaf:name": item.publisher,
        },
        "dct:license": {"@id": LICENCES[terms.get("licence", "Licence Ouverte 2.0")]},
        "dct:accrualPeriodicity": {"@id": _EU + FREQUENCIES.get(str(terms.get("frequency")), "UNKNOWN")},
        "dct:modified": {"@value": item.modified.isoformat(), "@type": "xsd:dateTime"},
        "dct:spatial": item.place,
        "dcat:landingPage": {"@id": item.url},
        "dcat:distribution": [_file(item, row) for row in item.files],
    }  # fmt: skip
    if schema := terms.get("schema_id"):
        found["dct:conformsTo"] = {"@id": f"https://schema.data.gouv.fr/{schema.partition('@')[0]}/"}
    return found


def _file(item: Published, row: tuple[str, str, int, str]) -> dict[str, Any]:
    url, media_type, size, sha256 = row
    return {
        "@id": url,
        "@type": "dcat:Distribution",
        "dcat:downloadURL": {"@id": url},
        "dcat:accessURL": {"@id": url},
        "dcat:mediaType": media_type,
        "dcat:byteSize": size,
        "dct:license": {"@id": LICENCES[item.terms.get("licence", "Licence Ouverte 2.0")]},
        "spdx:checksum": {"spdx:algorithm": "sha256", "spdx:checksumValue": sha256},
    }
