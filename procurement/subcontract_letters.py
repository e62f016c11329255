"""The mails about subcontractors. They carry no secret: whoever signs connects with that address."""

DECLARED = """Madame, Monsieur,

{row.name} (SIRET {row.siret}) est déclarée comme sous-traitant du marché {contract.number} « {consultation.object} ».
L’acte spécial de sous-traitance (DC4) attend la signature du titulaire : ouvrez « À signer ».

{contract.organisation.name}
"""
CHANGED = """Madame, Monsieur,

La sous-traitance confiée à {row.name} (SIRET {row.siret}) dans le marché {contract.number} « {consultation.object} »
est à modifier. L’acte spécial modificatif (DC4 n° {row.number}) attend la signature du titulaire : ouvrez « À signer ».
Jusqu’à son acceptation, l’acte en cours continue de s’appliquer.

{contract.organisation.name}
"""
CHANGE_ACCEPTED = """Madame, Monsieur,

La modification de la sous-traitance confiée à {row.name} (SIRET {row.siret}) dans le marché {contract.number}
« {consultation.object} » est acceptée depuis le {row.accepted_on:%d/%m/%Y} (DC4 n° {row.number}).

{contract.organisation.name}
"""
ACCEPTED = """Madame, Monsieur,

{row.name} (SIRET {row.siret}) est acceptée depuis le {row.accepted_on:%d/%m/%Y} comme sous-traitant du marché
{contract.number} « {consultation.object} », et ses conditions de paiement sont agréées (article R2193-4 du code de la
commande publique).

{contract.organisation.name}
"""
REFUSED = """Madame, Monsieur,

{row.name} (SIRET {row.siret}) n’est pas acceptée comme sous-traitant du marché {contract.number}
« {consultation.object} ».

Motif : {row.motive}

{contract.organisation.name}
"""
