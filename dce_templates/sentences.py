"""One French sentence for each way a value can be refused by the models."""

from collections.abc import Mapping
from typing import Any

_BY_TYPE = {
    "missing": "ce champ est obligatoire.",
    "extra_forbidden": "ce champ est inconnu ; vérifiez son nom.",
    "string_type": "un texte est attendu.",
    "string_too_short": "le texte est trop court ({min_length} caractère(s) au moins).",
    "string_too_long": "le texte est trop long ({max_length} caractères au plus).",
    "string_pattern_mismatch": "la forme de cette valeur n'est pas celle attendue.",
    "literal_error": "la valeur doit être l'une de : {expected}.",
    "bool_parsing": "répondez par true ou false.",
    "bool_type": "répondez par true ou false.",
    "int_parsing": "un nombre entier est attendu.",
    "int_from_float": "un nombre entier est attendu.",
    "int_type": "un nombre entier est attendu.",
    "decimal_parsing": "un nombre est attendu, avec un point pour les décimales.",
    "decimal_type": "un nombre est attendu, avec un point pour les décimales.",
    "decimal_max_places": "il y a trop de décimales ({decimal_places} au plus).",
    "decimal_max_digits": "il y a trop de chiffres ({max_digits} au plus).",
    "finite_number": "un nombre est attendu, avec un point pour les décimales.",
    "greater_than_equal": "la valeur doit être d'au moins {ge}.",
    "greater_than": "la valeur doit être supérieure à {gt}.",
    "less_than_equal": "la valeur doit être d'au plus {le}.",
    "date_from_datetime_parsing": "une date est attendue, sous la forme 2026-11-30.",
    "date_parsing": "une date est attendue, sous la forme 2026-11-30.",
    "date_type": "une date est attendue, sous la forme 2026-11-30.",
    "timezone_aware": "la date et l'heure doivent porter leur fuseau : 2026-12-21T12:00:00+01:00.",
    "code_twice": "le code « {code} » est donné à deux prix ; chaque prix a le sien.",
    "shares": "la somme des parts des membres du groupement n'est pas le montant du marché.",
    "no_group": "des membres sont nommés, et le titulaire n'est pas un groupement.",
    "lots_order": "les lots sont au moins deux, numérotés 1, 2, 3… dans l'ordre.",
    "lot": "un numéro de lot commence à 1.",
    "twice": "la même année est écrite deux fois.",
    "ground": "l'un de ces motifs d'exclusion n'existe pas, ou est écrit deux fois.",
    "exclusion": "« no_exclusion: false » demande les motifs concernés (grounds), et eux seuls la demandent.",
    "nothing_changes": "l'avenant ne change rien : donnez une clause, un jeu de données, un prix ou un montant.",
    "below_zero": "les modifications ôtent plus que le montant ou la durée du marché.",
    "numbers": "les avenants antérieurs (former) portent des numéros plus petits que celui-ci (number).",
    "days": "l'avenant est daté d'avant la notification du marché.",
    "value_error": "ce texte contient un caractère interdit.",
    "too_long": "il y a trop d'éléments ({max_length} au plus).",
    "too_short": "il manque des éléments ({min_length} au moins).",
    "tuple_type": "une liste est attendue.",
    "dict_type": "des clés et des valeurs sont attendues.",
    "model_type": "des clés et des valeurs sont attendues.",
    "model_attributes_type": "des clés et des valeurs sont attendues.",
}


def sentence(error_type: str, context: Mapping[str, Any]) -> str:
    """The sentence for one pydantic error type; `context` fills its figures."""
    if error_type.startswith("datetime"):
        return "une date et une heure sont attendues, sous la forme 2026-12-21T12:00:00+01:00."
    text = _BY_TYPE.get(error_type, "cette valeur n'est pas acceptée.")
    try:
        return text.format(**{key: str(value).replace(" or ", " ou ") for key, value in context.items()})
    except KeyError:
        return "cette valeur n'est pas acceptée."
