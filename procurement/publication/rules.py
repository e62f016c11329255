"""What makes a record usable beyond its schema: the rules by which the State's consolidation keeps or drops it.

Each rule is (code, sentence, predicate on a Record: true = holds). ERRORS drop the record; QUALITY only tells.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from siret_lookup.siret import SiretError, parse_siret


@dataclass(frozen=True)
class Act:
    """One modification or subcontract of a record; what it does not state is left out, what is mistyped is None."""

    place: str
    days: tuple[str, ...]
    amounts: tuple[Decimal | None, ...]
    months: int | None
    says_months: bool
    holders: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Record:
    """One marché or concession, as read: strings stay strings, what is missing or mistyped is None or empty."""

    kind: str
    id: str
    buyer: str
    subject: str
    cpv: str
    amount: Decimal | None
    months: int | None
    holders: tuple[tuple[str, str], ...]
    notified_on: str
    published_on: str
    considerations: tuple[tuple[str, ...], ...]
    from_europe: Decimal | None
    from_france: Decimal | None
    starts_on: str
    acts: tuple[Act, ...]
    advance: bool | None
    advance_rate: Decimal | None
    today: date | None

    @property
    def key(self) -> tuple[object, ...]:
        """What two publications of the same contract share."""
        return (self.id, self.buyer, self.holders[:1], self.amount, self.notified_on)


Rule = tuple[str, str, Callable[[Record], bool]]
KEPT_HOLDERS = 3
_DAY = re.compile(r"20[1-3]\d-[01]\d-[0-3]\d")
_ID = re.compile(r"[A-Za-z0-9/\-_ .#]{1,16}")
_OTHER_IDS = {
    "TAHITI": re.compile(r"[A-Za-z0-9]{9}"),
    "RIDET": re.compile(r"\d{10}"),
    "FRWF": re.compile(r"FRWF[A-Za-z0-9]{14}"),
    "IREP": re.compile(r"\d{5}[A-Za-z0-9]*"),
    "HORS-UE": re.compile(r"[A-Z]{2}[A-Za-z0-9]{0,16}"),
    "TVA": re.compile(r"[A-Z]{2}[A-Za-z0-9]{2,16}"),
}
MAX_AMOUNT = {"marche": Decimal(3_000_000_000), "contrat-concession": Decimal(15_000_000_000)}
MAX_MONTHS = {"marche": 180, "contrat-concession": 360}
SUSPECT_FROM = Decimal(100_000_000)
# CPV ranges (first eight digits) for which the origin of supplies is compulsory.
ORIGIN_CPV = (
    (15100000, 15982200),
    (18100000, 18453000),
    (18800000, 18843000),
    (33100000, 33198200),
    (33600000, 33698300),
    (34100000, 34144910),
    (34510000, 34522700),
    (34600000, 34622500),
    (34710000, 34722200),
)


def is_siret(text: str) -> bool:
    """Fourteen bare digits with a right key (La Poste's own rule included)."""
    try:
        return re.fullmatch(r"[0-9]{14}", text) is not None and bool(parse_siret(text))
    except SiretError:
        return False


def _real_day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


# Types that the consolidation puts right by itself.
MENDED = {"FRW": "FRWF", "HORS_UE": "HORS-UE", "TVA-intracommunautaire": "TVA", "TVA_INTRACOMMUNAUTAIRE": "TVA"}


def _holder(kind: str, identifier: str) -> bool:
    kind = MENDED.get(kind, kind)
    if kind == "SIRET":
        return is_siret(identifier)
    shape = _OTHER_IDS.get(kind)
    return shape is not None and shape.fullmatch(identifier) is not None


def _plausible(record: Record) -> bool:
    """Not an amount typed to get past a mandatory field: 123456789…, or one digit again and again."""
    if record.amount is None or abs(record.amount) > MAX_AMOUNT[record.kind]:
        return True
    digits = f"{abs(int(record.amount))}"
    repeated = record.amount > SUSPECT_FROM and max(digits.count(digit) for digit in set(digits)) > 6
    return not digits.startswith("123456789") and not repeated


def _not_mixed(record: Record) -> bool:
    return not any(
        len(values) > 1 and any(value.startswith("Pas de considération") for value in values)
        for values in record.considerations
    )


def _not_future(record: Record) -> bool:
    days = [_real_day(text) for text in (record.notified_on, record.published_on)]
    return record.today is None or all(day is None or day <= record.today for day in days)


def asks_origin(cpv: str) -> bool:
    """Must the record of this CPV code say where the supplies come from?"""
    digits = cpv[:8]
    return digits.isascii() and digits.isdigit() and any(first <= int(digits) <= last for first, last in ORIGIN_CPV)


def _past(text: str, today: date | None) -> bool:
    day = _real_day(text)
    return day is not None and (today is None or day <= today)


def _starts_after(record: Record) -> bool:
    starts, signed = _real_day(record.starts_on), _real_day(record.notified_on)
    return starts is not None and (signed is None or signed <= starts)


def _origin_told(record: Record) -> bool:
    return not asks_origin(record.cpv) or (record.from_europe is not None and record.from_france is not None)


def _published_after(record: Record) -> bool:
    notified, published = _real_day(record.notified_on), _real_day(record.published_on)
    return notified is None or published is None or notified <= published


ERRORS: tuple[Rule, ...] = (
    (
        "DECP-ID",
        "L’identifiant manque, ou sort de 1 à 16 lettres, chiffres, / - _ . # ou espaces.",
        lambda r: bool(r.id.strip() and _ID.fullmatch(r.id)),
    ),
    ("DECP-ACHETEUR", "L’identifiant de l’acheteur manque.", lambda r: bool(r.buyer)),
    (
        "DECP-SIRET-ACHETEUR",
        "Le SIRET de l’acheteur n’existe pas (clé fausse).",
        lambda r: not r.buyer or is_siret(r.buyer),
    ),
    ("DECP-MONTANT", "Le montant manque ou n’est pas un nombre.", lambda r: r.amount is not None),
    ("DECP-MONTANT-MIN", "Le montant est inférieur à 1 €.", lambda r: r.amount is None or r.amount >= 1),
    (
        "DECP-MONTANT-MAX",
        "Le montant dépasse le plafond de vraisemblance (3 milliards, 15 pour une concession).",
        lambda r: r.amount is None or r.amount <= MAX_AMOUNT[r.kind],
    ),
    (
        "DECP-MONTANT-FACTICE",
        "Le montant a l’air d’un remplissage (123456789…, ou un même chiffre répété).",
        _plausible,
    ),
    (
        "DECP-TITULAIRE",
        "Le premier titulaire, ou le type de son identifiant, manque.",
        lambda r: bool(r.holders) and all(r.holders[0]),
    ),
    (
        "DECP-ID-TITULAIRE",
        "L’identifiant d’un titulaire n’est pas valable pour son type (clé du SIRET, forme des autres).",
        lambda r: all(
            _holder(kind, identifier) for kind, identifier in r.holders[:KEPT_HOLDERS] if kind and identifier
        ),
    ),
    (
        "DECP-DUREE",
        "La durée en mois manque ou n’est pas un entier positif.",
        lambda r: r.months is not None and r.months > 0,
    ),
    (
        "DECP-DUREE-MAX",
        "La durée dépasse le plafond de vraisemblance (180 mois, 360 pour une concession).",
        lambda r: r.months is None or r.months <= MAX_MONTHS[r.kind],
    ),
    (
        "DECP-OBJET",
        "L’objet a moins de 5 caractères et le code CPV manque : rien ne dit ce qui est acheté.",
        lambda r: bool(r.cpv) or len(r.subject.strip()) >= 5,
    ),
    (
        "DECP-DATE-NOTIFICATION",
        "La date de notification (ou de signature) n’est pas un jour réel AAAA-MM-JJ.",
        lambda r: _real_day(r.notified_on) is not None,
    ),
    (
        "DECP-DATE-PUBLICATION",
        "La date de publication n’est pas un jour réel AAAA-MM-JJ.",
        lambda r: _real_day(r.published_on) is not None,
    ),
    ("DECP-DATE-FUTURE", "Une date est postérieure au jour du contrôle.", _not_future),
    ("DECP-CONSIDERATIONS", "« Pas de considération » est donné en même temps qu’une autre valeur.", _not_mixed),
)
ACT_ERRORS: tuple[tuple[str, str, Callable[[Record, Act], bool]], ...] = (
    (
        "DECP-ACTE-DATE",
        "Une date de cette modification ou de cet acte n’est pas un jour réel AAAA-MM-JJ, ou est à venir.",
        lambda r, a: all(_past(day, r.today) for day in a.days),
    ),
    (
        "DECP-ACTE-MONTANT",
        "Le montant de cette modification ou de cet acte n’est pas un nombre de 1 € au plafond de vraisemblance.",
        lambda r, a: all(amount is not None and 1 <= amount <= MAX_AMOUNT[r.kind] for amount in a.amounts),
    ),
    (
        "DECP-ACTE-DUREE",
        "La durée de cette modification ou de cet acte n’est pas un nombre de mois de 1 au plafond de vraisemblance.",
        lambda r, a: not a.says_months or (a.months is not None and 0 < a.months <= MAX_MONTHS[r.kind]),
    ),
    (
        "DECP-ACTE-IDENTIFIANT",
        "L’identifiant d’un titulaire ou d’un sous-traitant de cet acte n’est pas valable pour son type.",
        lambda r, a: all(_holder(kind, identifier) for kind, identifier in a.holders[:KEPT_HOLDERS]),
    ),
)
QUALITY: tuple[Rule, ...] = (
    (
        "DECP-Q-TYPE-IDENTIFIANT",
        "Le type d’un identifiant n’est pas écrit comme dans la liste ; la consolidation le corrige.",
        lambda r: not any(kind in MENDED for kind, _ in r.holders),
    ),
    (
        "DECP-Q-DEBUT",
        "Le début d’exécution de la concession n’est pas un jour réel, ou précède sa signature.",
        lambda r: r.kind == "marche" or _starts_after(r),
    ),
    (
        "DECP-Q-ORIGINE",
        "L’origine France dépasse l’origine Union européenne, qui la comprend.",
        lambda r: r.from_france is None or r.from_europe is None or r.from_france <= r.from_europe,
    ),
    ("DECP-Q-ORIGINE-CPV", "Pour ce code CPV, les parts d’origine (UE et France) sont obligatoires.", _origin_told),
    ("DECP-Q-PUBLICATION", "La publication précède la notification.", _published_after),
    ("DECP-Q-AVANCE", "Une avance est attribuée sans son taux.", lambda r: not r.advance or r.advance_rate is not None),
    ("DECP-Q-CPV", "Le code CPV n’est dans aucune division connue.", lambda r: not r.cpv or "03" <= r.cpv[:2] <= "98"),
    (
        "DECP-Q-TITULAIRES",
        "Plus de trois titulaires : la consolidation ne garde que les trois premiers.",
        lambda r: len(r.holders) <= KEPT_HOLDERS,
    ),
)
DUPLICATE = (
    "DECP-DOUBLON",
    "Ce contrat figure déjà dans le document (mêmes identifiant, acheteur, titulaire, montant et date).",
)
