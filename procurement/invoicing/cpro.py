"""The BR-FR-CPRO rules that can be verified on the file alone: code, French sentence, predicate (true = holds).

What Chorus Pro adds for invoices to public bodies (XP Z12-012, annexe A); no official sheet is published. Rules that
need the directory of public bodies (11, 12, 13, 23) are the matching's business.
"""

from collections.abc import Callable

from procurement.invoicing.invoice import Invoice

Rule = tuple[str, str, str, Callable[[Invoice], bool]]

# ISO 6523 schemes accepted for the seller (CPRO-03): SIRET, EU VAT, private person, outside the EU, RIDET, TAHITI.
SELLER_SCHEMES = frozenset({"0009", "0223", "0226", "0227", "0228", "0229"})
MAX_LINES = 999_999


def _within(term: str, limit: int) -> Callable[[Invoice], bool]:
    return lambda invoice: all(len(value) <= limit for value in invoice.terms.get(term, ()))


def _at_most_one(term: str) -> Callable[[Invoice], bool]:
    return lambda invoice: len(invoice.terms.get(term, ())) <= 1


def _length(code: str, term: str, limit: int, what: str) -> Rule:
    return (code, term, f"{what} ({term}) dépasse {limit} caractères, la limite de Chorus Pro.", _within(term, limit))


RULES: tuple[Rule, ...] = (
    (
        "BR-FR-CPRO-02",
        "BT-1",
        "Le numéro de facture (BT-1), ou celui de la facture d’origine (BT-25), dépasse 20 caractères, la limite de "
        "Chorus Pro.",
        lambda invoice: len(invoice.number) <= 20 and _within("BT-25", 20)(invoice),
    ),
    (
        "BR-FR-CPRO-03",
        "BT-29",
        "Le fournisseur n’est pas identifié comme Chorus Pro le demande (BT-29) : SIRET (0009), TVA de l’Union (0223), "
        "particulier (0226), hors Union (0227), RIDET (0228) ou TAHITI (0229).",
        lambda invoice: bool(SELLER_SCHEMES & set(invoice.seller.schemes)),
    ),
    (
        "BR-FR-CPRO-09",
        "BT-29",
        "Le fournisseur donne son SIREN mais pas son SIRET (BT-29, schéma 0009).",
        lambda invoice: "0002" not in invoice.seller.schemes or "0009" in invoice.seller.schemes,
    ),
    (
        "BR-FR-CPRO-10",
        "BT-46",
        "Le SIRET de l’acheteur public manque (BT-46, schéma 0009) : la facture ne peut pas être acheminée.",
        lambda invoice: len(invoice.buyer.siret) == 14,
    ),
    _length("BR-FR-CPRO-14", "BT-12", 50, "Le numéro de marché"),
    _length("BR-FR-CPRO-15", "BT-13", 50, "Le numéro d’engagement"),
    (
        "BR-FR-CPRO-19",
        "BG-25",
        "La facture compte plus de 999 999 lignes.",
        lambda invoice: len(invoice.lines) <= MAX_LINES,
    ),
    (
        "BR-FR-CPRO-20",
        "BG-3",
        "La facture cite plusieurs factures d’origine (BG-3) : Chorus Pro n’en admet qu’une. Un avoir sur plusieurs "
        "factures doit être scindé.",
        _at_most_one("BT-25"),
    ),
    (
        "BR-FR-CPRO-21",
        "BT-23",
        "Le cadre S3 (sous-traitant payé directement) ou S6 (cotraitant) demande le SIRET du titulaire ou du "
        "mandataire comme agent du vendeur (EXT-FR-FE-BG-03).",
        lambda invoice: invoice.process not in {"S3", "S6"} or bool(invoice.agent_sirets),
    ),
    (
        "BR-FR-CPRO-24",
        "BT-23",
        "Le cadre de facturation S5 est interdit envers un acheteur public ; un sous-traitant payé directement "
        "emploie S3.",
        lambda invoice: invoice.process != "S5",
    ),
    (
        "BR-FR-CPRO-25",
        "BT-20",
        "Les conditions de paiement (BT-20) figurent plusieurs fois.",
        _at_most_one("BT-20"),
    ),
    ("BR-FR-CPRO-26", "BG-6", "Le fournisseur a plus d’un contact (BG-6).", _at_most_one("BT-41")),
    ("BR-FR-CPRO-27", "BG-9", "L’acheteur a plus d’un contact (BG-9).", _at_most_one("BT-56")),
    _length("BR-FR-CPRO-29", "BT-120", 1024, "Le motif d’exonération"),
    _length("BR-FR-CPRO-30", "BT-122", 50, "La référence d’une pièce jointe"),
    _length("BR-FR-CPRO-31", "BT-154", 1024, "La description d’un article"),
    _length("BR-FR-CPRO-34", "BT-45", 99, "Le nom commercial de l’acheteur"),
    _length("BR-FR-CPRO-35", "BT-20", 1024, "Le texte des conditions de paiement"),
    _length("BR-FR-CPRO-36", "BT-28", 99, "Le nom commercial du fournisseur"),
    _length("BR-FR-CPRO-37", "BT-59", 99, "Le nom du bénéficiaire"),
    _length("BR-FR-CPRO-38", "BT-71", 20, "L’identifiant du lieu de livraison"),
    _length("BR-FR-CPRO-39", "BT-84", 27, "L’identifiant du compte bancaire"),
    _length("BR-FR-CPRO-41", "BT-125-2", 50, "Le nom d’un fichier joint"),
    _length("BR-FR-CPRO-42", "BT-22", 1024, "Une note"),
    _length("BR-FR-CPRO-43", "BT-27", 99, "Le nom du fournisseur"),
    _length("BR-FR-CPRO-44", "BT-44", 99, "Le nom de l’acheteur"),
)


def broken(invoice: Invoice) -> list[tuple[str, str, str]]:
    """The rules that do not hold: (code, BT, French sentence)."""
    return [(code, term, sentence) for code, term, sentence, holds in RULES if not holds(invoice)]
