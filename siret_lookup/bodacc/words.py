"""French words for a company's situation at the BODACC: facts, and the question to ask. A person decides.

Law: L2141-3 3° and R2143-9 al. 2 of the commande publique code (redressement: a plan, or an authorisation that covers
the contract's foreseeable duration, is looked at). Sauvegarde is not among the situations of L2141-3.
"""

from collections.abc import Mapping

from siret_lookup.bodacc.notices import Notice
from siret_lookup.bodacc.state import Proceedings, State
from siret_lookup.outcome import Outcome
from siret_lookup.words import french_day, french_time

LABELS: Mapping[State, str] = {
    State.NONE: "Aucune procédure en cours publiée",
    State.SAUVEGARDE: "Sauvegarde",
    State.SAUVEGARDE_PLAN: "Plan de sauvegarde",
    State.REDRESSEMENT: "Redressement judiciaire",
    State.REDRESSEMENT_PLAN: "Plan de redressement",
    State.LIQUIDATION: "Liquidation judiciaire",
}
UNKNOWN_LABEL = "Indisponible pour l’instant"
TO_READ_LABEL = "Avis à lire"
# The box where the company answers; what it writes stands beside the notice, for the buyer, never in its place.
CONTEST_LABEL = "Ce n’est pas exact, ou ce n’est plus le cas"
CONTEST_HELP = (
    "Dites-le ici, avec la date et le tribunal si vous les avez, et joignez le jugement. L’acheteur lira votre réponse "
    "à côté de l’avis, jamais l’un sans l’autre. Une erreur dans l’avis lui-même se corrige auprès du greffe."
)

_DECIDE = "Vous décidez, après avoir entendu l’entreprise."
_ASK = "À demander : la copie du ou des jugements prononcés (R2143-9)"
_BUYER: Mapping[State, str] = {
    State.SAUVEGARDE: "La sauvegarde n’est pas une des situations de l’article L2141-3 : rien à demander à ce titre.",
    State.SAUVEGARDE_PLAN: "Ce plan n’est pas une des situations de l’article L2141-3 : rien à demander à ce titre.",
    State.REDRESSEMENT: (
        "L’entreprise peut justifier d’un plan, ou d’une autorisation de poursuivre son activité pendant la durée "
        f"prévisible du contrat (L2141-3, 3°). {_ASK} ; puis comparez leur durée à celle du contrat. {_DECIDE}"
    ),
    State.REDRESSEMENT_PLAN: (
        "Un plan permet de contracter s’il couvre la durée prévisible du contrat (L2141-3, 3°). "
        f"{_ASK}, où figure la durée du plan. {_DECIDE}"
    ),
    State.LIQUIDATION: (
        f"L’article L2141-3 vise cette situation. {_ASK}, et si la procédure est toujours ouverte. {_DECIDE}"
    ),
}
_COMPANY: Mapping[State, str] = {
    State.SAUVEGARDE: "La sauvegarde ne vous empêche pas de répondre.",
    State.SAUVEGARDE_PLAN: "Ce plan ne vous empêche pas de répondre.",
    State.REDRESSEMENT: (
        "Vous pouvez répondre si un plan ou une autorisation couvre la durée prévisible du contrat (L2141-3, 3°) : "
        "joignez la copie du ou des jugements (R2143-9)."
    ),
    State.REDRESSEMENT_PLAN: (
        "Joignez la copie du jugement qui arrête le plan (R2143-9) : l’acheteur compare sa durée à celle du contrat."
    ),
    State.LIQUIDATION: (
        "L’acheteur vous demandera la copie du jugement (R2143-9), et si la procédure est toujours ouverte."
    ),
}


def label(found: Proceedings) -> str:
    """The short label, never colour alone."""
    if found.outcome is not Outcome.OBTAINED:
        return UNKNOWN_LABEL
    return TO_READ_LABEL if found.state is State.NONE and found.to_read else LABELS[found.state]


def buyer_sentence(found: Proceedings) -> str:
    """What the buyer is told: what was published, what the law looks at, what to ask."""
    if found.outcome is not Outcome.OBTAINED:
        when = f" ; nouvel essai le {french_time(found.retry_at)}" if found.retry_at else ""
        return f"Le BODACC ne répond pas{when}. Aucune conclusion possible ; incident extérieur au candidat."
    return _told(found, _BUYER, "Un avis paraît après le jugement : la déclaration sur l’honneur reste nécessaire.")


def company_sentence(found: Proceedings) -> str:
    """What the company is told of itself, once its belonging is proven."""
    if found.outcome is not Outcome.OBTAINED:
        return "Le BODACC ne répond pas pour l’instant. Vous pouvez déposer sans attendre."
    return _told(found, _COMPANY, "Vous n’avez rien à fournir à ce titre.")


def _told(found: Proceedings, follow: Mapping[State, str], when_none: str) -> str:
    parts = [_fact(found), follow.get(found.state, when_none), _to_read(found)]
    return " ".join(part for part in parts if part)


def _fact(found: Proceedings) -> str:
    judgment = found.judgment
    if judgment is None:
        read_on = french_day(found.fetched_at)
        if found.history or found.dropped:
            return f"Aucune procédure en cours d’après les avis publiés au BODACC, lus le {read_on}."
        return f"Aucun avis de procédure collective publié au BODACC à ce numéro, lu le {read_on}."
    if found.ended:
        return f"Procédure close : {_cited(judgment)}."
    if found.expired:
        return f"Aucun avis depuis plus de dix ans ; le dernier : {_cited(judgment)}. Sa clôture n’a pas été publiée."
    first = found.since
    since = f" depuis le {french_day(first)}" if first and first != judgment.on else ""
    return f"{LABELS[found.state]}{since} : {_cited(judgment)}."


def _cited(notice: Notice) -> str:
    """« Jugement d’ouverture…, le 3 novembre 2026, tribunal, avis A… »."""
    day = notice.on
    told = (notice.nature or "avis sans jugement", day and f"le {french_day(day)}", notice.court, f"avis {notice.id}")
    return ", ".join(part for part in told if part)


def _to_read(found: Proceedings) -> str:
    if not found.to_read:
        return ""
    cited = " ; ".join(_cited(notice) for notice in found.to_read)
    return f"À lire, car cet avis peut tout changer et ne s’interprète pas seul : {cited}."
