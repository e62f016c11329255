"""The shape of the lines file of `mps invoice make`, shown by its help: light, so that the command line may say it."""

EXAMPLE = """number;F-2026-001
issued_on;2026-10-05
period_start;2026-09-01
period_end;2026-09-30
iban;FR7630006000011234567890189
seller.name;Menuiserie Exemple
seller.street;1 rue de l’Exemple
seller.postcode;75001
seller.city;Paris
buyer.name;Commune d’Exemple
buyer.street;2 place de la Mairie
buyer.postcode;75002
buyer.city;Paris
code;label;quantity;unit_price;vat_rate
P1;Pose de fenêtres;2;450,50;20
"""
TEMPLATE = f"""Fichier des lignes, en CSV (UTF-8) : des rangées « champ;valeur », la rangée de titres, puis une
rangée par ligne. Sans unit_price, le prix du contrat pour ce code ; sans vat_rate, le seul taux du contrat.
Facultatifs : due_on, period_start, period_end, engagement, service, seller.siret, seller.vat, holder_name (pour un
sous-traitant ou un cotraitant, le nom du titulaire), credit_number et credit_on (pour un avoir, le numéro et la date
de la facture d’origine). En JSON : les mêmes champs, « seller » et « buyer » en objets, « lines » en liste d’objets,
nombres entre guillemets.

{EXAMPLE.replace(chr(10), chr(10) * 2)}"""
