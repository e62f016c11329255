"""French sentences for the most frequent rules of EN 16931; where there is none, the rule's own text is shown."""

import re

EUROPEAN: dict[str, str] = {
    "BR-01": "L’identifiant de la spécification (BT-24) manque.",
    "BR-02": "Le numéro de facture (BT-1) manque.",
    "BR-03": "La date de facture (BT-2) manque.",
    "BR-04": "Le type de facture (BT-3) manque.",
    "BR-05": "La devise de la facture (BT-5) manque.",
    "BR-06": "Le nom du vendeur (BT-27) manque.",
    "BR-07": "Le nom de l’acheteur (BT-44) manque.",
    "BR-08": "L’adresse du vendeur (BG-5) manque.",
    "BR-09": "Le pays du vendeur (BT-40) manque.",
    "BR-10": "L’adresse de l’acheteur (BG-8) manque.",
    "BR-11": "Le pays de l’acheteur (BT-55) manque.",
    "BR-12": "La somme des lignes (BT-106) manque.",
    "BR-13": "Le total hors TVA (BT-109) manque.",
    "BR-14": "Le total TVA comprise (BT-112) manque.",
    "BR-15": "Le net à payer (BT-115) manque.",
    "BR-16": "La facture n’a aucune ligne (BG-25).",
    "BR-21": "Une ligne n’a pas d’identifiant (BT-126).",
    "BR-22": "Une ligne n’a pas de quantité (BT-129).",
    "BR-23": "Une ligne n’a pas d’unité de mesure (BT-130).",
    "BR-24": "Une ligne n’a pas de montant net (BT-131).",
    "BR-25": "Une ligne n’a pas de désignation (BT-153).",
    "BR-26": "Une ligne n’a pas de prix unitaire net (BT-146).",
    "BR-27": "Un prix unitaire net (BT-146) est négatif.",
    "BR-29": "La fin de la période de facturation (BT-74) précède son début (BT-73).",
    "BR-30": "La fin de la période d’une ligne (BT-135) précède son début (BT-134).",
    "BR-45": "Une ligne du détail de TVA n’a pas de base (BT-116).",
    "BR-46": "Une ligne du détail de TVA n’a pas de montant (BT-117).",
    "BR-47": "Une ligne du détail de TVA n’a pas de catégorie (BT-118).",
    "BR-48": "Une ligne du détail de TVA n’a pas de taux (BT-119).",
    "BR-49": "Le mode de paiement (BT-81) manque.",
    "BR-50": "Le compte à créditer (BT-84) manque.",
    "BR-53": "La TVA en devise de comptabilité (BT-111) manque.",
    "BR-55": "La référence à une facture antérieure (BT-25) est vide.",
    "BR-61": "Un virement demande le compte à créditer (BT-84).",
    "BR-62": "L’adresse électronique du vendeur (BT-34) n’a pas de schéma.",
    "BR-63": "L’adresse électronique de l’acheteur (BT-49) n’a pas de schéma.",
    "BR-CO-04": "Une ligne n’a pas de catégorie de TVA (BT-151).",
    "BR-CO-09": "Un numéro de TVA ne commence pas par un code de pays.",
    "BR-CO-10": "La somme des lignes (BT-106) n’est pas égale au total des montants nets des lignes (BT-131).",
    "BR-CO-11": "Le total des remises (BT-107) n’est pas égal à la somme des remises (BT-92).",
    "BR-CO-12": "Le total des majorations (BT-108) n’est pas égal à la somme des majorations (BT-99).",
    "BR-CO-13": "Le total hors TVA (BT-109) n’est pas égal aux lignes, moins les remises, plus les majorations.",
    "BR-CO-14": "Le total de TVA (BT-110) n’est pas égal à la somme du détail de TVA (BT-117).",
    "BR-CO-15": "Le total TVA comprise (BT-112) n’est pas égal au total hors TVA (BT-109) plus la TVA (BT-110).",
    "BR-CO-16": "Le net à payer (BT-115) n’est pas égal au total (BT-112) moins le déjà payé (BT-113).",
    "BR-CO-17": "Un montant de TVA (BT-117) n’est pas égal à sa base (BT-116) multipliée par le taux (BT-119).",
    "BR-CO-18": "La facture n’a aucun détail de TVA (BG-23).",
    "BR-CO-25": "Le net à payer est positif : il faut une échéance (BT-9) ou des conditions de paiement (BT-20).",
    "BR-CO-26": "Le vendeur n’est identifié ni par BT-29, ni par BT-30, ni par BT-31.",
    "BR-S-01": "Une ligne est au taux normal : le détail de TVA doit avoir une ligne de catégorie S.",
    "BR-S-02": "Une ligne au taux normal demande le numéro de TVA du vendeur (BT-31, BT-32 ou BT-63).",
    "BR-S-05": "Une ligne de catégorie S doit avoir un taux de TVA (BT-152) supérieur à zéro.",
    "BR-S-08": "Une base de TVA (BT-116) n’est pas égale à la somme des lignes du même taux.",
    "BR-S-09": "Un montant de TVA (BT-117) n’est pas égal à sa base multipliée par le taux.",
    "BR-AE-02": "L’autoliquidation demande un identifiant fiscal du vendeur et de l’acheteur.",
    "BR-AE-09": "La TVA d’une ligne en autoliquidation doit être nulle.",
    "BR-AE-10": "L’autoliquidation demande un motif (BT-120 ou BT-121).",
    "BR-E-09": "La TVA d’une base exonérée doit être nulle.",
    "BR-E-10": "Une exonération demande un motif (BT-120 ou BT-121).",
    "BR-Z-09": "La TVA d’une base à taux zéro doit être nulle.",
}
_PREFIX = re.compile(r"^\s*\[[^\]]*\]\s*[-–:]?\s*")
_FRENCH_PREFIX = re.compile(r"^\s*BR-FR-[\w/. -]*?\s*:\s*")


def sentence(rule: str, text: str) -> str:
    """Our French sentence for `rule`, else the rule's own text without its code."""
    clean = " ".join(text.split())
    return EUROPEAN.get(rule) or _FRENCH_PREFIX.sub("", _PREFIX.sub("", clean)) or rule
