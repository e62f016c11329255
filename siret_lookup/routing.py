"""Whom it makes sense to ask about a company: activity, legal form, workforce, kind of contract.

Not asking is no judgment: what is left out is `not_applicable` with its reason, and the buyer may ask all the same.
What Sirene does not say never leaves a provider out. Perimeters are the providers' own (see each source).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What Sirene says of a company; None and empty are not known.

    `naf` are activity codes of any nomenclature (« 43.99C »), `legal_form` Insee's code and `legal_form_label` its
    words, `workforce` the code of the bracket (« NN » and « 00 »: nobody), `workforce_year` its year.
    """

    naf: tuple[str, ...] = ()
    legal_form: str | None = None
    legal_form_label: str | None = None
    workforce: str | None = None
    workforce_year: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """All that is given must hold for the source to be asked.

    `activities` and `forms` are prefixes of codes, `other_than` prefixes of legal forms that are left out, `contracts`
    kinds (works, services, supplies). `field` is what the provider covers, in French (« du bâtiment »), `register`
    what the legal form is not.
    """

    activities: tuple[str, ...] = ()
    field: str = ""
    forms: tuple[str, ...] = ()
    other_than: tuple[str, ...] = ()
    register: str = ""
    contracts: tuple[str, ...] = ()
    employer: bool = False


# Insee's legal forms (level I): 1 individuals, 7 public bodies, 92 associations, 93 foundations.
_INDIVIDUAL, _PUBLIC, _ASSOCIATION = "1", "7", ("92", "93")
_FARMING = ("01", "02", "03.2", "81.30")
_BUILDING = ("41", "43")
_PUBLIC_WORKS = ("42", "43.12", "43.13")
_CONSTRUCTION = ("41", "42", "43")

RULES: Mapping[str, Rule] = {
    "infogreffe_extrait": Rule(
        other_than=(_PUBLIC, *_ASSOCIATION), register="inscrite au registre du commerce et des sociétés"
    ),
    "mandataires_sociaux": Rule(
        other_than=(_PUBLIC, *_ASSOCIATION), register="inscrite au registre du commerce et des sociétés"
    ),
    "rne_extrait": Rule(other_than=(_PUBLIC, *_ASSOCIATION), register="inscrite au registre national des entreprises"),
    "rne_actes_bilans": Rule(
        other_than=(_INDIVIDUAL, _PUBLIC, *_ASSOCIATION), register="parmi les sociétés qui déposent leurs comptes"
    ),
    "association": Rule(forms=_ASSOCIATION, register="inscrite au répertoire des associations"),
    "association_ouverte": Rule(forms=_ASSOCIATION, register="inscrite au répertoire des associations"),
    "subventions": Rule(forms=_ASSOCIATION, register="inscrite au répertoire des associations"),
    "attestation_fiscale": Rule(
        other_than=(_INDIVIDUAL,),
        register="soumise à l’impôt sur les sociétés (attestation à demander : formulaire n° 3666)",
    ),
    "liasses_fiscales": Rule(other_than=(_PUBLIC,), register="soumise à l’impôt sur les sociétés"),
    "liens_capitalistiques": Rule(other_than=(_INDIVIDUAL, _PUBLIC), register="soumise à l’impôt sur les sociétés"),
    "bilans_bdf": Rule(other_than=(_INDIVIDUAL, _PUBLIC), register="parmi les sociétés que suit la Banque de France"),
    "chiffres_affaires": Rule(other_than=(_PUBLIC,), register="soumise à l’impôt sur ses bénéfices"),
    "msa_conformite": Rule(activities=_FARMING, field="du régime agricole"),
    "cibtp_attestation": Rule(activities=_BUILDING, field="du bâtiment", employer=True),
    "cnetp_attestation": Rule(activities=_PUBLIC_WORKS, field="des travaux publics", employer=True),
    "probtp_attestation": Rule(activities=_CONSTRUCTION, field="du bâtiment et des travaux publics", employer=True),
    "probtp_conformite": Rule(activities=_CONSTRUCTION, field="du bâtiment et des travaux publics", employer=True),
    "fntp_carte": Rule(activities=_PUBLIC_WORKS, field="des travaux publics", contracts=("works",)),
    "qualibat": Rule(activities=_BUILDING, field="du bâtiment", contracts=("works",)),
    "qualifelec": Rule(activities=("43.2", "42.22"), field="de l’installation électrique", contracts=("works",)),
    "rge": Rule(activities=(*_CONSTRUCTION, "71.1"), field="de la rénovation énergétique", contracts=("works",)),
    "opqibi": Rule(activities=("71.1", "71.2", "74.9"), field="de l’ingénierie"),
    "qualiopi": Rule(activities=("85",), field="de la formation"),
    "effectifs_annuels": Rule(employer=True),
    "effectifs_mensuels": Rule(employer=True),
    "eori": Rule(contracts=("supplies",)),
}
_CONTRACTS: Mapping[str, str] = {"works": "de travaux", "services": "de services", "supplies": "de fournitures"}
_NOBODY = ("NN", "00")


def why_not(key: str, profile: Profile, contract: str | None) -> str | None:
    """Why this source is not asked, in French without a full stop; None where it is."""
    rule = RULES.get(key, Rule())
    return _activity(rule, profile) or _form(rule, profile) or _contract(rule, contract) or _workforce(rule, profile)


def split(
    keys: Iterable[str], profile: Profile, contract: str | None, anyway: Collection[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """(keys to ask, key → why not), in the order given; those in `anyway` are asked whatever the rules say."""
    asked: list[str] = []
    left_out: dict[str, str] = {}
    for key in dict.fromkeys(keys):
        reason = None if key in anyway else why_not(key, profile, contract)
        if reason is None:
            asked.append(key)
        else:
            left_out[key] = reason
    return asked, left_out


def _activity(rule: Rule, profile: Profile) -> str | None:
    if not rule.activities or not profile.naf or any(code.startswith(rule.activities) for code in profile.naf):
        return None
    return f"l’activité {profile.naf[0]} ne relève pas {rule.field}"


def _form(rule: Rule, profile: Profile) -> str | None:
    form = profile.legal_form
    if not form:
        return None
    if (rule.forms and not form.startswith(rule.forms)) or (rule.other_than and form.startswith(rule.other_than)):
        return f"la forme juridique « {profile.legal_form_label or form} » n’est pas {rule.register}"
    return None


def _contract(rule: Rule, contract: str | None) -> str | None:
    if not rule.contracts or contract is None or contract in rule.contracts:
        return None
    return f"ce marché est {_CONTRACTS[contract]}"


def _workforce(rule: Rule, profile: Profile) -> str | None:
    if not rule.employer or profile.workforce not in _NOBODY:
        return None
    year = f" en {profile.workforce_year}" if profile.workforce_year else ""
    return f"l’entreprise n’emploie personne d’après Sirene{year}"
