"""French words for outcomes: a short label, a sentence for the company, one for the buyer.

Never « conforme », « validé » nor « refusé » for a piece: an answer of a service proves less than that.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from siret_lookup.catalogue import PIECES, Beside
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.source import Source

LABELS: Mapping[Outcome, str] = {
    Outcome.OBTAINED: "Obtenue",
    Outcome.REFUSED_BY_AUTHORITY: "Non délivrée par l’organisme",
    Outcome.OUT_OF_SCOPE: "Hors du champ du service",
    Outcome.NOT_FOUND: "Non trouvée",
    Outcome.WITHHELD_BY_LAW: "Non communicable",
    Outcome.UNAVAILABLE: "Indisponible pour l’instant",
    Outcome.NOT_APPLICABLE: "Non demandée",
    Outcome.GIVEN_BY_CANDIDATE: "Fournie par l’entreprise",
    Outcome.NOT_AUTHORISED: "Acheteur non habilité",
}
UNDER_REVIEW_LABEL = "En cours d’examen par l’organisme"
CHECKED_LATER_LABEL = "Sera vérifiée après l’ouverture"
CHECKED_LATER = "Vous n’avez rien à fournir : l’acheteur l’obtiendra lui-même."

_PARIS = ZoneInfo("Europe/Paris")
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
# « l’Urssaf », « de l’Urssaf »
_ARTICLES = {
    "Urssaf": ("l’Urssaf", "de l’Urssaf"),
    "Insee": ("l’Insee", "de l’Insee"),
    "DGFiP": ("la DGFiP", "de la DGFiP"),
    "Infogreffe": ("Infogreffe", "d’Infogreffe"),
    "INPI": ("l’INPI", "de l’INPI"),
    "MSA": ("la MSA", "de la MSA"),
    "CIBTP": ("la caisse CIBTP", "de la caisse CIBTP"),
    "CNETP": ("la CNETP", "de la CNETP"),
    "FNTP": ("la FNTP", "de la FNTP"),
    "OPQIBI": ("l’OPQIBI", "de l’OPQIBI"),
    "Ademe": ("l’Ademe", "de l’Ademe"),
    "Carif-Oref": ("le réseau Carif-Oref", "du réseau Carif-Oref"),
    "GIP-MDS": ("le GIP-MDS", "du GIP-MDS"),
    "Banque de France": ("la Banque de France", "de la Banque de France"),
    "Commission européenne": ("la Commission européenne", "de la Commission européenne"),
    "Douane": ("la douane", "de la douane"),
    "DJEPVA": ("la DJEPVA", "de la DJEPVA"),
    "BODACC": ("le BODACC", "du BODACC"),
}
# What the authority says where it answers by a status or a code, rather than by not delivering a paper.
_NEGATIVE_STATUS = {
    "msa_conformite": "indique que les cotisations de cet établissement ne sont pas à jour",
    "probtp_conformite": "indique que cette entreprise ne peut pas obtenir d’attestation à ce jour",
    "cibtp_attestation": "indique que les cotisations de cette entreprise ne sont pas à jour",
}
_NOT_DELIVERED = "ne délivre pas cette attestation à ce jour"
_CERTIFICATES = ("tax", "social")


def label(result: PieceResult) -> str:
    """The short label, never colour alone."""
    return UNDER_REVIEW_LABEL if result.under_review else LABELS[result.outcome]


def company_sentence(result: PieceResult) -> str:
    """What the company is told."""
    return _COMPANY[result.outcome](result)


def buyer_sentence(result: PieceResult, attempts: int | None = None, ask_after: date | None = None) -> str:
    """What the buyer is told; `attempts` made and the day after which to ask for the piece, where known."""
    sentence = _BUYER[result.outcome](result)
    if result.outcome is Outcome.UNAVAILABLE:
        if attempts:
            sentence += f" Essais faits : {attempts}."
        if ask_after:
            sentence += f" Après le {french_day(ask_after)}, demandez la pièce."
    return sentence


def french_day(day: date) -> str:
    """« 1er décembre 2026 »; a time is taken in Paris."""
    if isinstance(day, datetime):
        day = day.astimezone(_PARIS).date()
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def french_time(moment: datetime) -> str:
    """« 1er décembre 2026 à 9 h 05 », in Paris."""
    local = moment.astimezone(_PARIS)
    return f"{french_day(moment)} à {local.hour} h {local.minute:02d}"


def _source(result: PieceResult) -> Source | Beside | None:
    return PIECES.get(result.key)


def _the(result: PieceResult) -> str:
    return _ARTICLES.get(result.provider, (result.provider, ""))[0]


def _of(result: PieceResult) -> str:
    return _ARTICLES.get(result.provider, ("", f"de {result.provider}"))[1]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_certificate(result: PieceResult) -> bool:
    source = _source(result)
    return source is not None and source.kind in _CERTIFICATES


def _covers(result: PieceResult) -> str:
    source = _source(result)
    return f" Ce service couvre {source.perimeter}." if source else ""


def _substitute(result: PieceResult) -> str:
    source = _source(result)
    return source.substitute if source else "un document équivalent"


def _next_try(result: PieceResult) -> str:
    return f"nouvel essai le {french_time(result.retry_at)}" if result.retry_at else "nouvel essai plus tard"


def _obtained_company(result: PieceResult) -> str:
    until = f" ; valable jusqu’au {french_day(result.valid_until)}" if result.valid_until else ""
    return f"Obtenue {_of(result)} le {french_day(result.fetched_at)}{until}. Vous n’avez rien à fournir (R2143-13)."


def _obtained_buyer(result: PieceResult) -> str:
    if not _is_certificate(result):
        return f"Réponse {_of(result)}, reçue le {french_time(result.fetched_at)}."
    end = f", fin le {french_day(result.valid_until)}" if result.valid_until else ""
    strict = (
        f" Moins de six mois jusqu’au {french_day(result.valid_strictly_until)} seulement (D8222-5)."
        if result.valid_strictly_until and result.valid_strictly_until != result.valid_until
        else ""
    )
    source = _source(result)
    said = f"Délivrée par {_the(result)}," if source and source.document else f"À jour selon {_the(result)}, réponse"
    received = f"{said} reçue le {french_time(result.fetched_at)}{end}."
    return f"{received}{strict} Ne prouve pas que tout est payé (échéancier, recours)."


def _negative(result: PieceResult) -> str:
    return _NEGATIVE_STATUS.get(result.key, _NOT_DELIVERED)


def _refused_company(result: PieceResult) -> str:
    return (
        f"{_capital(_the(result))} {_negative(result)}. Rapprochez-vous de l’organisme : une régularisation avant la "
        "décision de l’acheteur compte (L2141-2). Vous pouvez joindre un justificatif."
    )


def _refused_buyer(result: PieceResult) -> str:
    return (
        f"Réponse du {french_day(result.fetched_at)} : {_the(result)} {_negative(result)}. Ne suffit pas à exclure : "
        "interrogez l’attributaire pressenti et fixez un délai (L2141-2, R2144-4)."
    )


def _out_of_scope_company(result: PieceResult) -> str:
    covers = _covers(result)
    return f"Ce service ne couvre pas votre situation.{covers} Si vous êtes retenu, fournissez {_substitute(result)}."


def _out_of_scope_buyer(result: PieceResult) -> str:
    return (
        f"Situation non couverte.{_covers(result)} Aucune conclusion possible. "
        f"Pièce à demander à l’attributaire pressenti : {_substitute(result)}."
    )


def _not_found_company(result: PieceResult) -> str:
    return (
        f"Aucun document à votre numéro ; cela ne dit rien de votre situation.{_covers(result)} "
        "Ajoutez la pièce, ou dites pourquoi elle ne vous concerne pas."
    )


def _not_found_buyer(result: PieceResult) -> str:
    return (
        f"Aucun document renvoyé. Ne vaut pas irrégularité et ne peut seul fonder un rejet.{_covers(result)} "
        f"À demander au besoin : {_substitute(result)}."
    )


def _withheld_company(_: PieceResult) -> str:
    return "La loi empêche la transmission. Saisissez ces informations ; l’acheteur seul les verra, après l’ouverture."


def _withheld_buyer(_: PieceResult) -> str:
    return "Données protégées par la loi ; voyez les valeurs saisies par le candidat. Ne pas diffuser."


def _unavailable_company(result: PieceResult) -> str:
    if result.under_review:
        return (
            f"{_capital(_the(result))} examine votre demande ; {_next_try(result)}. Vous pouvez déposer sans attendre."
        )
    return f"Le service {_of(result)} ne répond pas ; {_next_try(result)}. Vous pouvez déposer sans attendre."


def _unavailable_buyer(result: PieceResult) -> str:
    if result.under_review:
        return f"Demande en cours d’examen par {_the(result)} ; {_next_try(result)}. Aucune conclusion possible."
    return f"Incident extérieur au candidat ; {_next_try(result)}."


def _not_applicable_company(result: PieceResult) -> str:
    reason = f" : {result.detail}" if result.detail else ""
    return f"Non demandée{reason}. Ce n’est pas exact ? Dites-le."


def _not_applicable_buyer(result: PieceResult) -> str:
    reason = f" : {result.detail}" if result.detail else ""
    return f"Non demandée{reason}. Vous pouvez la demander en le motivant."


def _given_company(result: PieceResult) -> str:
    return f"Fournie le {french_day(result.fetched_at)} ; remplaçable jusqu’au dépôt."


def _given_buyer(result: PieceResult) -> str:
    code = result.facts.get("security_code")
    control = f" (code de contrôle : {code})" if code else ""
    return f"Fournie par le candidat le {french_day(result.fetched_at)} ; non vérifiée auprès de l’organisme{control}."


def _not_authorised_company(_: PieceResult) -> str:
    return "L’acheteur n’a pas accès à cette donnée. Ce n’est pas de votre fait : joignez la pièce."


def _not_authorised_buyer(_: PieceResult) -> str:
    return "Votre habilitation ne couvre pas cette pièce ou a expiré : prévenez l’administrateur."


_COMPANY: Mapping[Outcome, Callable[[PieceResult], str]] = {
    Outcome.OBTAINED: _obtained_company,
    Outcome.REFUSED_BY_AUTHORITY: _refused_company,
    Outcome.OUT_OF_SCOPE: _out_of_scope_company,
    Outcome.NOT_FOUND: _not_found_company,
    Outcome.WITHHELD_BY_LAW: _withheld_company,
    Outcome.UNAVAILABLE: _unavailable_company,
    Outcome.NOT_APPLICABLE: _not_applicable_company,
    Outcome.GIVEN_BY_CANDIDATE: _given_company,
    Outcome.NOT_AUTHORISED: _not_authorised_company,
}
_BUYER: Mapping[Outcome, Callable[[PieceResult], str]] = {
    Outcome.OBTAINED: _obtained_buyer,
    Outcome.REFUSED_BY_AUTHORITY: _refused_buyer,
    Outcome.OUT_OF_SCOPE: _out_of_scope_buyer,
    Outcome.NOT_FOUND: _not_found_buyer,
    Outcome.WITHHELD_BY_LAW: _withheld_buyer,
    Outcome.UNAVAILABLE: _unavailable_buyer,
    Outcome.NOT_APPLICABLE: _not_applicable_buyer,
    Outcome.GIVEN_BY_CANDIDATE: _given_buyer,
    Outcome.NOT_AUTHORISED: _not_authorised_buyer,
}
