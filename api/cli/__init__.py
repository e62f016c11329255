"""The command `mps`: one Typer application per feature. No traceback ever reaches the user.

Commands load their feature's module only when called: `mps siret check` must not pay for PDF libraries.
"""

import os
import sys
from importlib import import_module

import typer

from api.settings import BadSettings
from procurement.errors import DomainError, Unavailable

# group or command → module with its Typer `app`, and the line shown by --help.
GROUPS: dict[str, tuple[str, str]] = {
    "siret": ("api.cli.siret", "SIRET : vérifier, obtenir identité et pièces"),
    "sirene": ("api.cli.sirene", "Copie locale de Sirene : construire, chercher par nom"),
    "dce": ("api.cli.dce_sources", "Documents de la consultation et du marché : contrôler, écrire, comparer, relire"),
    "sign": ("api.cli.sign", "Signer, vérifier une signature"),
    "invoice": ("api.cli.invoice", "Factures : contrôler, rapprocher, importer"),
    "decp": ("api.cli.decp", "Données essentielles : contrôler, exporter"),
    "organisation": ("api.cli.people", "Organisations"),
    "user": ("api.cli.people", "Comptes"),
    "token": ("api.cli.people", "Jetons de l’API"),
}
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("api.cli.run", "Démarrer le service"),
    "worker": ("api.cli.run", "Démarrer un ouvrier"),
    "sandbox": ("api.cli.run", "Démarrer le bac à sable seul"),
    "migrate": ("api.cli.run", "Mettre la base à jour"),
    "demo": ("api.cli.demo", "Toute l’histoire, dans le terminal"),
    "dossier-candidat": ("api.cli.dossier_candidat", "DC1, DC2 et DUME pour n’importe quelle plateforme"),
    "backup": ("api.cli.store", "Sauvegarder base et fichiers"),
    "restore": ("api.cli.store", "Restaurer une sauvegarde"),
}
# A command of a group that costs much more than the others: loaded where it is named, or for the group's help.
APART: dict[tuple[str, str], str] = {
    ("dce", "subcontract"): "api.cli.dce_subcontract",
    ("invoice", "import"): "api.cli.invoice_import",
}


def build(arguments: list[str]) -> typer.Typer:
    """The application with the one feature that the arguments name; all of them for --help."""
    app = typer.Typer(name="mps", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    named, inner = ([a for a in arguments if not a.startswith("-")] + ["", ""])[:2]
    wanted = [named] if named in GROUPS or named in COMMANDS else [*GROUPS, *COMMANDS]
    for name in wanted:
        module, line = GROUPS.get(name) or COMMANDS[name]
        loaded = import_module(module)
        for (group, command), apart in APART.items():
            if group == name and inner in ("", command):
                import_module(apart)
        if name in COMMANDS:
            app.command(name, help=line)(getattr(loaded, name.replace("-", "_")))
        else:
            app.add_typer(getattr(loaded, f"{name}_app", None) or loaded.app, name=name, help=line)
    app.callback()(_root)
    return app


def _root() -> None:
    """Marchés publics simplifiés : d’un SIRET à la facture rapprochée."""


def main() -> None:
    """Run; what the domain refuses is exit 1, bad usage or settings 2, a missing remote service 3."""
    try:
        build(sys.argv[1:])(prog_name="mps")
    except BadSettings as error:
        _end(str(error), 2)
    except Unavailable as error:
        _end(error.sentence, 3)
    except DomainError as error:
        _end(" ".join([error.sentence, *getattr(error, "fields", {}).values()]), 1)
    except KeyboardInterrupt:
        _end("Arrêté.", 130)
    except Exception as error:
        if os.environ.get("MPS_DEBUG") == "1":
            raise
        _end(f"Une erreur imprévue est survenue ({type(error).__name__}). Relancez avec MPS_DEBUG=1 pour le détail.", 1)


def _end(sentence: str, code: int) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(code)
