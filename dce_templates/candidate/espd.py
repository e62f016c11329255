"""Names and numbers of the European model behind the DUME: ESPD-EDM 4.1 over UBL 2.3.

Facts (identifiers, codes, paths) read in the public ESPD-EDM repository of the Publications Office, versions 4.0.0 and
4.1.0, in November 2026. Paths were read for C1, C7, C13, C14, C29, C32, C35, C38 and C49 to C51; those of the other
exclusion grounds follow C1 by analogy, C8 follows C7, C37 and C39 follow C38. The words are ours.
"""

from dataclasses import dataclass

RESPONSE = "urn:oasis:names:specification:ubl:schema:xsd:QualificationApplicationResponse-2"
REQUEST = "urn:oasis:names:specification:ubl:schema:xsd:QualificationApplicationRequest-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
EXT = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"
OWN = "urn:mps:candidature:1"
VERSION = "4.1.0"
# « Analogous situation like bankruptcy under national law »: where a redressement judiciaire is told.
ANALOGOUS = "bankr-nat"
VOCABULARY = "http://publications.europa.eu/resource/authority/"


@dataclass(frozen=True, slots=True)
class Ground:
    """An exclusion ground: a « yes » means that it applies. `tag` is the criterion's path in version 4."""

    code: str
    tag: str
    uuid: str
    label: str

    @property
    def answer(self) -> str:
        """Path of the yes/no question inside the criterion."""
        return "RG1/QSG1/Q1" if self.code in ("tax-pay", "socsec-pay") else "QG1/Q1"


def _ground(number: int, code: str, uuid: str, label: str) -> Ground:
    return Ground(code, f"C{number}_EG_{code}", uuid, label)


GROUNDS = (
    _ground(1, "crime-org", "005eb9ed-1347-4ca3-bb29-9bc0db64e1ab", "Participation à une organisation criminelle"),
    _ground(2, "corruption", "c27b7c4e-c837-4529-b867-ed55ce639db5", "Corruption"),
    _ground(3, "fraud", "297d2323-3ede-424e-94bc-a91561e6f320", "Fraude"),
    _ground(4, "terr-offence", "d486fb70-86b3-4e75-97f2-0d71b5697c7d", "Infractions terroristes"),
    _ground(5, "finan-laund", "47112079-6fec-47a3-988f-e561668c3aef", "Blanchiment ou financement du terrorisme"),
    _ground(
        6, "human-traffic", "d789d01a-fe03-4ccd-9898-73f9cfa080d1", "Travail des enfants ou traite d’êtres humains"
    ),
    _ground(7, "tax-pay", "b61bbeb7-690e-4a40-bc68-d6d4ecfaa3d4", "Manquement au paiement d’impôts"),
    _ground(8, "socsec-pay", "7d85e333-bbab-49c0-be8d-c36d71a72f5e", "Manquement au paiement de cotisations sociales"),
    _ground(9, "envir-law", "a80ddb62-d25b-4e4e-ae22-3968460dc0a9", "Manquement au droit de l’environnement"),
    _ground(10, "socsec-law", "a261a395-ed17-4939-9c75-b9ff1109ca6e", "Manquement au droit social"),
    _ground(11, "labour-law", "a34b70d6-c43d-4726-9a88-8e2b438424bf", "Manquement au droit du travail"),
    _ground(12, "bankruptcy", "d3732c09-7d62-4edc-a172-241da6636e7c", "Faillite"),
    _ground(13, "insolvency", "396f288a-e267-4c20-851a-ed4f7498f137", "Insolvabilité"),
    _ground(14, "cred-arran", "68918c7a-f5bc-4a1a-a62f-ad8983600d48", "Concordat avec les créanciers"),
    _ground(15, "bankr-nat", "daffa2a9-9f8f-4568-8be8-7b8bf306d096", "Situation analogue en droit national"),
    _ground(16, "liq-admin", "8fda202a-0c37-41bb-9d7d-de3f49edbfcb", "Biens administrés par un liquidateur"),
    _ground(17, "susp-act", "166536e2-77f7-455c-b018-70582474e4f6", "Activités suspendues"),
    _ground(18, "prof-misconduct", "514d3fde-1e3e-4dcd-b02a-9f984d5bbda3", "Faute professionnelle grave"),
    _ground(19, "distorsion", "56d13e3d-76e8-4f23-8af6-13e60a2ee356", "Entente faussant la concurrence"),
    _ground(20, "partic-confl", "b1b5ac18-f393-4280-9659-1367943c1a2e", "Conflit d’intérêts"),
    _ground(21, "prep-confl", "61874050-5130-4f1c-a174-720939c7b483", "Participation à la préparation de la procédure"),
    _ground(22, "sanction", "3293e92b-7f3e-42f1-bee6-a7641bb04251", "Résiliation ou sanction d’un marché antérieur"),
    _ground(23, "misinterpr", "696a75b2-6107-428f-8b74-82affb67e184", "Fausse déclaration ou influence indue"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """`path` inside the criterion; `kind`: ESPD's response-data-type."""

    path: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection criterion, with the questions that a company answers here.

    `depth`: position of the record's own number in an answer's identifier (« …/R1/R1/R2/R1 » : third, for the second).
    """

    key: str
    code: str
    tag: str
    uuid: str
    label: str
    depth: int
    questions: tuple[Question, ...]


def _performance(number: int, code: str, uuid: str, label: str) -> Selection:
    base = "RG1/RSG1/QSG1/QSG1/"
    questions = (
        Question(base + "Q1", "DESCRIPTION", "Description"),
        Question(base + "Q2", "AMOUNT", "Montant total"),
        Question(base + "Q5", "PERIOD", "Début et fin"),
        Question(base + "QSG1/Q1", "DESCRIPTION", "Nom du destinataire"),
    )
    return Selection(code.removesuffix("-perform"), code, f"C{number}_SC_{code}", uuid, label, 3, questions)


_TURNOVER = (
    Question("RG1/RSG1/QSG2/Q1", "PERIOD", "Début et fin de l’exercice"),
    Question("RG1/RSG1/QSG2/Q2", "AMOUNT", "Montant"),
)
_HEADCOUNT = (
    Question("RG1/RSG1/QSG2/Q1", "QUANTITY_YEAR", "Année"),
    Question("RG1/RSG1/QSG2/Q2", "QUANTITY_INTEGER", "Nombre"),
)
SELECTION = (
    Selection(
        "turnover", "gen-year-to", "C29_SC_gen-year-to", "499efc97-2ac1-4af2-9e84-323c2ca67747",
        "Chiffre d’affaires annuel général", 3, _TURNOVER,
    ),
    Selection(
        "object", "spec-year-to", "C32_SC_spec-year-to", "074f6031-55f9-4e99-b9a4-c4363e8bc315",
        "Chiffre d’affaires annuel dans le domaine du marché", 2, _TURNOVER,
    ),
    Selection(
        "insurance", "indem-insu", "C35_SC_indem-insu", "7604bd40-4462-4086-8763-a50da51a869c",
        "Assurance des risques professionnels", 2,
        (Question("RG1/RSG1/QSG2/Q1", "AMOUNT", "Montant assuré"),),
    ),
    _performance(37, "work-perform", "cdd3bb3e-34a5-43d5-b668-2aab86a73822", "Travaux exécutés"),
    _performance(38, "supply-perform", "3a18a175-1863-4b1d-baef-588ce61960ca", "Livraisons effectuées"),
    _performance(39, "service-perform", "5e506c16-26ab-4e32-bb78-b27f87dc0565", "Services fournis"),
    Selection(
        "managers", "manage-staff", "C49_SC_manage-staff", "6346959b-e097-4ea1-89cd-d1b4c131ea4d",
        "Encadrement", 2, _HEADCOUNT,
    ),
    Selection(
        "staff", "year-manpower", "C50_SC_year-manpower", "1f49b3f0-d50f-43f6-8b30-4bafab108b9b",
        "Effectif annuel moyen", 2, _HEADCOUNT,
    ),
    Selection(
        "subcontracting", "suncont-port", "C51_SC_suncont-port", "612a1625-118d-4ea4-a6db-413184e7c0a8",
        "Part sous-traitée", 1, (Question("QG2/Q1", "DESCRIPTION", "Précisez"),),
    ),
)  # fmt: skip
# Criteria of references in the DUME → kind of reference here.
REFERENCE_KINDS = {"work": "works", "supply": "supplies", "service": "services"}
ROLES = {"sole": "sole-tenderer", "lead": "group-lead", "member": "group-mem"}
