"""A report told in French: two questions per signature, each with its answer and its reasons."""

from signature.arrete import PARIS
from signature.verdict import Report, SignatureVerdict

TECHNICAL = "Signature techniquement valide ?"
RECEIVABLE = "Recevable au titre de l’arrêté du 22 mars 2019 ?"
_TECHNICAL = {"TOTAL-PASSED": "Oui", "TOTAL-FAILED": "Non", "INDETERMINATE": "Ne peut être affirmé"}
SEAL = "Un cachet prouve l’origine et l’intégrité d’un document ; il ne vaut pas signature."
_HOLDS = {True: "oui", False: "non", None: "indéterminé"}


def sentences(report: Report) -> list[str]:
    """Lines for people: what was found, the two answers and the five points of article 5, what is unsigned."""
    lines = [] if report.signatures else ["Ce fichier ne porte aucune signature électronique."]
    for number, signature in enumerate(report.signatures, 1):
        lines += _one(number, signature)
    lines += [f"Non signé : {what}" for what in report.unsigned if report.signatures]
    lines += [f"Attention : {note}" for note in report.notes]
    return lines


def _one(number: int, signature: SignatureVerdict) -> list[str]:
    code = f" [{signature.sub_indication}]" if signature.sub_indication else ""
    when = signature.best_time.astimezone(PARIS).strftime("%d/%m/%Y à %H:%M:%S")
    absent = "sans horodatage" if signature.level.endswith("B") else "horodatage non retenu"
    date = f"horodatée le {when}" if signature.timestamped else f"{absent} (examinée au {when})"
    kind = "Cachet" if signature.is_seal else "Signature"
    lines = [
        f"{kind} {number} : {signature.signer}, niveau {signature.level}, {date}.",
        f"{TECHNICAL} {answered(signature)}{code}. {signature.reason}",
        f"{RECEIVABLE} {received(signature)}",
    ]
    if signature.written:
        lines.insert(1, f"Motif écrit dans la signature : « {signature.written} »")
    lines += [f"  {p.number}. ({_HOLDS[p.holds]}) {p.evidence}" for p in signature.arrete_2019.points]
    return lines


def answered(signature: SignatureVerdict) -> str:
    """Oui, Non, Ne peut être affirmé."""
    return _TECHNICAL[signature.indication]


def received(signature: SignatureVerdict) -> str:
    """The answer to the second question, one sentence."""
    answer = signature.arrete_2019.receivable
    if signature.is_seal:
        return f"Non. {SEAL}"
    if answer is None:
        return "Ne peut être affirmé : il manque une liste de confiance ou une preuve."
    return "Oui, sous réserve du contrôle de l’identité par une personne." if answer else "Non."
