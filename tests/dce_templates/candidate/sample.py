"""One invented candidate in full, and any candidate at all."""

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from dce_templates.candidate import candidate as model
from dce_templates.candidate.candidate import Answers, Candidate, Identity, parse_answers
from dce_templates.candidate.espd import GROUNDS

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FULL: dict[str, Any] = {
    "consultation": {"buyer": "Ville d’Essai", "reference": "2026-014", "object": "Entretien des espaces verts"},
    "identity": {"name": "Boulangerie Neuve"},
    "contact": {"name": "Jeanne Martin", "email": "jeanne@boulangerie.example", "phone": "01 02 03 04 05"},
    "signatory": {"first_name": "Jeanne", "last_name": "Martin", "capacity": "gérante"},
    "lots": ["01", "LOT-0002"],
    "group": {
        "form": "conjoint",
        "role": "lead",
        "members": [{"name": "Paysage Bis", "does": "Élagage", "share_percent": "30"}],
    },
    "size": "small",
    "turnovers": [
        {"starts_on": "2025-01-01", "ends_on": "2025-12-31", "amount": "1250000", "object_percent": "40"},
        {"ends_on": "2024-12-31", "amount": "1180000.50"},
    ],
    "staff": [{"year": "2025", "average": "12", "managers": "2"}],
    "references": [
        {"kind": "services", "description": "Parc des Essais", "client": "Commune d’Essai", "amount": "85000"},
        {"kind": "works", "description": "Allées", "starts_on": "2024-01-01", "ends_on": "2024-06-30"},
    ],
    "insurance": {"insurer": "Assureur Essai", "policy": "n° 42", "amount": "2000000"},
    "declarations": {"no_exclusion": "true", "disabled_workers": "true"},
    "receivership": {"judgment_on": "2026-01-15", "court": "Tribunal d’Essai", "plan_until": "2030-01-15"},
    "subcontracting": {"what": "Élagage de grande hauteur", "share_percent": "10"},
}
IDENTITY = Identity(
    siret="00001001700010",
    name="BOULANGERIE TOUT VA BIEN",
    legal_form="Société à responsabilité limitée",
    street="1 RUE DES ESSAIS",
    postcode="00000",
    city="ESSAIVILLE",
    activity="10.71C (NAFRev2)",
    category="PME",
    workforce="10 à 19 salariés",
    source="Insee, répertoire Sirene",
    fetched_on=date(2026, 11, 25),
)


def full() -> Candidate:
    return Candidate(identity=IDENTITY, answers=parse_answers(FULL))


_texts = st.text(st.characters(exclude_categories=("Cs", "Co", "Cn", "Cc", "Zl", "Zp")), max_size=20)
_days = st.dates(date(1900, 1, 1), date(2200, 1, 1))
_money = st.decimals(0, 10**10, places=2)
_percent = st.decimals(0, 100, places=2)
_some_text = _texts.filter(lambda text: bool(text.strip()) and "[ND]" not in text.upper())


def _years(years: list[model.Staff]) -> tuple[model.Staff, ...]:
    return tuple({year.year: year for year in years}.values())


def _declared(grounds: list[str], quiet: bool | None, measures: str, workers: bool | None) -> model.Declarations:
    none = False if grounds else True if quiet else None
    return model.Declarations(no_exclusion=none, grounds=tuple(grounds), measures=measures, disabled_workers=workers)


answers = st.builds(
    Answers,
    identity=st.builds(model.OwnIdentity, name=_texts, legal_form=_texts, street=_texts, postcode=_texts, city=_texts),
    contact=st.builds(model.Contact, name=_texts, email=st.sampled_from(["", "a@b.example"]), phone=_texts),
    signatory=st.builds(model.Signatory, first_name=_texts, last_name=_texts, capacity=_texts),
    consultation=st.builds(model.Consultation, buyer=_texts, reference=_texts, object=_texts),
    lots=st.lists(
        st.from_regex(r"[A-Za-z1-9][A-Za-z0-9_-]{0,12}", fullmatch=True).filter(
            lambda text: bool(text.upper().removeprefix("LOT-").strip("0"))
        ),
        max_size=4,
    ).map(tuple),
    group=st.none()
    | st.builds(
        model.Group,
        form=st.sampled_from(["conjoint", "conjoint_mandataire_solidaire", "solidaire"]),
        role=st.sampled_from(["lead", "member"]),
        lead=_texts,
        members=st.lists(
            st.builds(model.Member, name=_some_text, does=_texts, share_percent=st.none() | _percent), max_size=2
        ).map(tuple),
    ),
    size=st.none() | st.sampled_from(["micro", "small", "medium", "large"]),
    currency=st.sampled_from(["EUR", "XPF"]),
    turnovers=st.lists(
        st.builds(
            model.Turnover,
            ends_on=_days,
            starts_on=st.none() | _days,
            amount=_money,
            object_percent=st.none() | _percent,
        ),
        max_size=3,
    ).map(tuple),
    staff=st.lists(
        st.builds(
            model.Staff,
            year=st.integers(1900, 2200),
            average=st.integers(0, 5_000_000),
            managers=st.none() | st.integers(0, 5_000_000),
        ),
        max_size=3,
    ).map(_years),
    references=st.lists(
        st.builds(
            model.Reference,
            kind=st.sampled_from(["works", "supplies", "services"]),
            description=_some_text,
            client=_texts,
            amount=st.none() | _money,
            starts_on=st.none() | _days,
            ends_on=st.none() | _days,
        ),
        max_size=4,
    ).map(tuple),
    insurance=st.builds(model.Insurance, insurer=_texts, policy=_texts, amount=st.none() | _money),
    declarations=st.builds(
        _declared,
        st.lists(st.sampled_from([ground.code for ground in GROUNDS]), unique=True, max_size=3),
        st.none() | st.booleans(),
        _texts,
        st.none() | st.booleans(),
    ),
    receivership=st.none()
    | st.builds(model.Receivership, judgment_on=_days, court=_texts, plan_until=st.none() | _days),
    subcontracting=st.none() | st.builds(model.Subcontracting, what=_texts, share_percent=st.none() | _percent),
)
candidates = st.builds(
    Candidate,
    identity=st.builds(Identity, siret=st.just("00001001700010"), name=_texts, street=_texts, city=_texts),
    answers=answers,
)
