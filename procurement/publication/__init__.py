"""Open data on contracts (données essentielles de la commande publique)."""
