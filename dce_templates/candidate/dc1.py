"""The letter of candidacy, with the rubriques A to G of form DC1. The words are ours, the State's form is not copied.

DC1 is never imposed, and a candidacy need not be signed when it is deposited: the letter says so.
"""

from dce_templates import french
from dce_templates.blocks import Block, Document, Heading, Items, Note, Para, Table
from dce_templates.candidate import words
from dce_templates.candidate.candidate import Candidate, Group
from dce_templates.candidate.espd import GROUNDS

TITLE = "Lettre de candidature (rubriques du DC1)"
_CASES = "articles L2141-1 à L2141-5 et L2141-7 à L2141-11 du code de la commande publique"
_HONOUR = "Le candidat déclare sur l’honneur n’entrer dans aucun des cas d’exclusion prévus aux {cases} (R2143-3)."
_OETH = (
    "Le candidat déclare sur l’honneur être en règle au regard des articles L5212-1 à L5212-11 du code du travail, "
    "relatifs à l’emploi des travailleurs handicapés."
)


def dc1(candidate: Candidate) -> Document:
    """The letter as blocks; what is missing is a marked blank."""
    buyer, asked = words.consultation(candidate)
    blocks: list[Block] = [
        _head("A", "Acheteur"), buyer,
        _head("B", "Objet de la consultation"), asked,
        _head("C", "Objet de la candidature"), Para(f"La candidature est présentée pour {words.lots(candidate)}."),
        _head("D", "Candidat"), *_candidate(candidate),
        _head("E", "Membres du groupement et répartition des prestations"), *_members(candidate),
        _head("F", "Engagements du candidat"), *_declarations(candidate),
        _head("G", "Mandataire du groupement"), _lead(candidate),
        *_closing(candidate),
    ]  # fmt: skip
    reference = candidate.answers.consultation.reference or french.siret(candidate.identity.siret)
    subject = candidate.answers.consultation.object or words.BLANK
    return Document("dc1", TITLE, subject, reference, words.filled(candidate.said("name")), tuple(blocks))


def _head(letter: str, title: str) -> Heading:
    return Heading(1, f"{letter} – {title}", f"dc1_{letter.lower()}")


def _candidate(candidate: Candidate) -> list[Block]:
    group = candidate.answers.group
    alone = "Le candidat se présente seul."
    member = {"lead": "mandataire", "member": "membre"}
    how = alone if group is None else f"{words.GROUPS[group.form]} : l’entreprise en est {member[group.role]}."
    return [Para(how), *words.identity(candidate), words.contact(candidate)]


def _members(candidate: Candidate) -> list[Block]:
    group = candidate.answers.group
    if group is None:
        return [Para("Sans objet : le candidat se présente seul.")]
    rows = tuple(
        (m.name, french.siret(m.siret) if m.siret else words.BLANK, words.filled(m.does), words.share(m.share_percent))
        for m in group.members
    ) or ((words.BLANK, words.BLANK, words.BLANK, ""),)
    return [Table("Autres membres", ("Nom", "SIRET", "Prestations", "Part"), rows)]


def _declarations(candidate: Candidate) -> list[Block]:
    said = candidate.answers.declarations
    blocks: list[Block] = [Heading(2, "F1 – Exclusions de la procédure", "dc1_f1")]
    if said.no_exclusion is None:
        blocks.append(Note(f"Déclaration sur l’honneur relative aux exclusions ({_CASES}) : {words.BLANK}"))
    elif said.no_exclusion:
        blocks.append(Para(_HONOUR.format(cases=_CASES)))
    else:
        blocks += [
            Para(f"Le candidat signale qu’il entre dans un cas d’exclusion ({_CASES}) :"),
            Items(tuple(ground.label for ground in GROUNDS if ground.code in said.grounds)),
            words.fields("", [("Mesures prises pour y remédier", said.measures)]),
        ]
    blocks.append(_workers(said.disabled_workers))
    return [*blocks, *_capacity()]


def _workers(declared: bool | None) -> Block:
    if declared:
        return Para(_OETH)
    if declared is None:
        return Note(f"Déclaration relative à l’emploi des travailleurs handicapés : {words.BLANK}")
    return Note("Le candidat signale qu’il n’est pas en règle au regard de l’emploi des travailleurs handicapés.")


def _capacity() -> list[Block]:
    return [
        Heading(2, "F2 – Capacités", "dc1_f2"),
        Para(
            "Les capacités du candidat sont décrites dans la déclaration qui accompagne cette lettre (DC2), ou au DUME."
        ),
        Heading(2, "F3 – Pièces que l’acheteur obtient lui-même", "dc1_f3"),
        Para(
            "Le candidat n’a pas à fournir ce que l’acheteur peut obtenir directement et gratuitement auprès d’un "
            "organisme officiel (R2143-13). Les preuves sont demandées au seul attributaire pressenti (R2144-4)."
        ),
    ]


def _lead(candidate: Candidate) -> Block:
    group = candidate.answers.group
    if group is None:
        return Para("Sans objet : le candidat se présente seul.")
    return words.fields("", [("Mandataire", _lead_name(candidate, group))])


def _lead_name(candidate: Candidate, group: Group) -> str:
    return candidate.said("name") if group.role == "lead" else group.lead


def _closing(candidate: Candidate) -> list[Block]:
    engaged = [
        ("Nom et prénom", words.signatory(candidate)),
        ("Qualité", candidate.answers.signatory.capacity),
    ]
    unsigned = (
        "Une candidature n’a pas à être signée au moment du dépôt, sauf si le règlement de la consultation le demande."
    )
    return [words.fields("Personne qui engage l’entreprise", engaged), Para(unsigned)]
