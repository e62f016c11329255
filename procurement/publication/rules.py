"""What makes a record usable beyond its schema: the rules by which the State's consolidation keeps or drops it.

Each rule is (code, sentence, predicate on a Record: true = holds). ERRORS drop the record; QUALITY only tells, and is
what the consolidation marks as missing or badly written. Source: 139bercy/decp-arr2022, augmente/nettoyage.py, as read
in November 2026; stricter than it on two points, where nobody could use the value: a day that no calendar has, an
identifier made of spaces.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from stdnum import luhn

from procurement.publication.decp import CONCESSION, MARCHE
from siret_lookup.siret import SiretError, parse_siret


@dataclass(frozen=True)
class Act:
    """One modification or subcontract of a record; what it does not state is left out, what is mistyped is None.

    `notified`: the days of notification, which alone may drop the record; `days`: the others.
    """

    place: str
    notified: tuple[str, ...]
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
        first = self.holders[0][1] if self.holders else ""
        return (self.kind, self.id, self.buyer, first, self.amount, self.since)

    @property
    def since(self) -> str:
        """The day that the consolidation reads: notification of a marché, start of a concession."""
        return self.notified_on if self.kind == MARCHE else self.starts_on


Rule = tuple[str, str, Callable[[Record], bool]]
KEPT_HOLDERS, WHOLE_CPV, SHORT_SUBJECT = 3, 10, 5
_DAY = re.compile(r"20[1-3]\d-[01]\d-[0-3]\d")
_ID = re.compile(r"[A-Za-z0-9/\-_ .#]{1,16}")
_OTHER_IDS = {
    "TAHITI": re.compile(r"[A-Za-z0-9]{9}"),
    "RIDET": re.compile(r"[A-Za-z0-9]{10}"),
    "FRWF": re.compile(r"FRWF[A-Za-z0-9]{14}"),
    "IREP": re.compile(r"\d{5}[A-Za-z0-9]*"),
    "HORS-UE": re.compile(r"[A-Z]{2}[A-Za-z0-9]{0,16}"),
}
KNOWN_TYPES = {"SIRET", "TVA", *_OTHER_IDS}
_VAT = re.compile(r"[A-Z]{2}[A-Za-z0-9]{2,16}")
MAX_AMOUNT = {MARCHE: Decimal(3_000_000_000), CONCESSION: Decimal(15_000_000_000)}
MAX_MONTHS = {MARCHE: 180, CONCESSION: 360}
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
    """Nothing is asked of a VAT number, nor of a type that nobody knows."""
    kind = MENDED.get(kind, kind)
    if kind == "SIRET":
        return is_siret(identifier)
    shape = _OTHER_IDS.get(kind)
    return shape is None or shape.fullmatch(identifier) is not None


def _well_written(kind: str, identifier: str) -> bool:
    kind = MENDED.get(kind, kind)
    return (
        kind in KNOWN_TYPES and _holder(kind, identifier) and (kind != "TVA" or _VAT.fullmatch(identifier) is not None)
    )


def _is_taken(identifier: str) -> bool:
    """Has it the key that the consolidation works out? Those of La Poste's establishments do not follow it."""
    return not is_siret(identifier) or luhn.is_valid(identifier)


def _plausible(record: Record) -> bool:
    """Not an amount typed to get past a mandatory field: 123456789…, or one digit again and again."""
    if record.amount is None or abs(record.amount) > MAX_AMOUNT[record.kind]:
        return True
    digits = f"{abs(int(record.amount))}"
    repeated = record.amount > SUSPECT_FROM and max(digits.count(digit) for digit in "123456789") > 6
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


def _says_what(record: Record) -> bool:
    """A whole CPV code with its key, or five letters. A concession has no CPV: some words are enough."""
    if record.kind == CONCESSION:
        return bool(record.subject.strip())
    return len(record.cpv) >= WHOLE_CPV or len(record.subject.strip()) >= SHORT_SUBJECT


def _is_dated(record: Record) -> bool:
    """Both days for a marché; one of the two is enough for a concession, whose signature nobody reads."""
    found = (_real_day(record.since) is not None, _real_day(record.published_on) is not None)
    return all(found) if record.kind == MARCHE else any(found)


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


MIXED = "« Pas de considération » est donné en même temps qu’une autre valeur."
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
        "DECP-TYPE-TITULAIRE",
        "Le type de l’identifiant du premier titulaire n’est pas dans la liste.",
        lambda r: not r.holders or not r.holders[0][0] or MENDED.get(r.holders[0][0], r.holders[0][0]) in KNOWN_TYPES,
    ),
    (
        "DECP-ID-TITULAIRE",
        "L’identifiant d’un titulaire n’est pas valable pour son type (clé du SIRET, forme des autres).",
        lambda r: all(_holder(kind, identifier) for kind, identifier in r.holders[:KEPT_HOLDERS] if kind),
    ),
    (
        "DECP-LA-POSTE",
        "Ce SIRET de La Poste est juste, mais il ne suit pas la clé que calcule la consolidation de l’État, qui écarte "
        "le contrat : il n’y a rien à corriger.",
        lambda r: all(map(_is_taken, (r.buyer, *(of for kind, of in r.holders[:KEPT_HOLDERS] if kind == "SIRET")))),
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
        "L’objet manque ou a moins de 5 caractères, et le code CPV n’est pas entier (8 chiffres, tiret, clé) : rien ne "
        "dit ce qui est acheté.",
        _says_what,
    ),
    (
        "DECP-DATE-NOTIFICATION",
        "La date de notification n’est pas un jour réel AAAA-MM-JJ.",
        lambda r: r.kind == CONCESSION or _real_day(r.notified_on) is not None,
    ),
    (
        "DECP-DATE-PUBLICATION",
        "La date de publication n’est pas un jour réel AAAA-MM-JJ.",
        lambda r: r.kind == CONCESSION or _real_day(r.published_on) is not None,
    ),
    (
        "DECP-DATE-CONCESSION",
        "Ni le début d’exécution, ni la publication de la concession n’est un jour réel AAAA-MM-JJ.",
        lambda r: r.kind == MARCHE or _is_dated(r),
    ),
    ("DECP-DATE-FUTURE", "Une date est postérieure au jour du contrôle.", _not_future),
    ("DECP-CONSIDERATIONS", MIXED, lambda r: r.kind == CONCESSION or _not_mixed(r)),
)
ActRule = tuple[str, str, Callable[[Record, Act], bool]]
ACT_ERRORS: tuple[ActRule, ...] = (
    (
        "DECP-ACTE-DATE",
        "La notification de cette modification ou de cet acte n’est pas à un jour réel AAAA-MM-JJ, ou est à venir.",
        lambda r, a: all(_past(day, r.today) for day in a.notified),
    ),
)
ACT_QUALITY: tuple[ActRule, ...] = (
    (
        "DECP-Q-ACTE-DATE",
        "Une date de cette modification ou de cet acte n’est pas un jour réel AAAA-MM-JJ, ou est à venir.",
        lambda r, a: all(_past(day, r.today) for day in a.days),
    ),
    (
        "DECP-Q-ACTE-MONTANT",
        "Le montant de cette modification ou de cet acte n’est pas un nombre de 1 € au plafond de vraisemblance.",
        lambda r, a: all(amount is not None and 1 <= amount <= MAX_AMOUNT[r.kind] for amount in a.amounts),
    ),
    (
        "DECP-Q-ACTE-DUREE",
        "La durée de cette modification ou de cet acte n’est pas un nombre de mois de 1 au plafond de vraisemblance.",
        lambda r, a: not a.says_months or (a.months is not None and 0 < a.months <= MAX_MONTHS[r.kind]),
    ),
    (
        "DECP-Q-ACTE-IDENTIFIANT",
        "L’identifiant d’un titulaire ou d’un sous-traitant de cet acte n’est pas valable pour son type.",
        lambda r, a: all(_well_written(kind, identifier) for kind, identifier in a.holders[:KEPT_HOLDERS]),
    ),
)
QUALITY: tuple[Rule, ...] = (
    (
        "DECP-Q-TYPE-IDENTIFIANT",
        "Le type d’un identifiant n’est pas écrit comme dans la liste ; la consolidation le corrige.",
        lambda r: not any(kind in MENDED for kind, _ in r.holders),
    ),
    (
        "DECP-Q-IDENTIFIANT",
        "L’identifiant d’un titulaire, ou son type, n’a pas la forme attendue ; la consolidation le marque ainsi.",
        lambda r: all(
            _well_written(kind, identifier) or not _holder(kind, identifier)
            for kind, identifier in r.holders[:KEPT_HOLDERS]
            if kind and identifier
        ),
    ),
    (
        "DECP-Q-SIGNATURE",
        "La date de signature de la concession n’est pas un jour réel AAAA-MM-JJ.",
        lambda r: r.kind == MARCHE or _real_day(r.notified_on) is not None,
    ),
    (
        "DECP-Q-DATE-PUBLICATION",
        "La date de publication de la concession n’est pas un jour réel AAAA-MM-JJ.",
        lambda r: r.kind == MARCHE or not _is_dated(r) or _real_day(r.published_on) is not None,
    ),
    ("DECP-Q-CONSIDERATIONS", MIXED, lambda r: r.kind == MARCHE or _not_mixed(r)),
    (
        "DECP-Q-DEBUT",
        "Le début d’exécution de la concession n’est pas un jour réel, ou précède sa signature.",
        lambda r: r.kind == MARCHE or _starts_after(r),
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
    "Ce contrat figure déjà dans le document (mêmes identifiant, acheteur, titulaire, montant et date de notification, "
    "ou de début pour une concession).",
)
