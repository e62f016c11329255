"""The command line: the first user without a browser, one sentence and the right exit code, never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUYER = "00007016900016"


def mps(*arguments: str, home: Path, typed: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the real command with its own database."""
    environment = {
        "PATH": os.environ["PATH"],
        "MPS_DATABASE_URL": f"sqlite:///{home}/mps.db",
        "MPS_STORAGE_URL": f"file://{home}/files",
        "MPS_SECRET_KEY": "k" * 40,
        "LANG": "C.UTF-8",
    } | settings
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from api.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, str(ROOT), *arguments],
        input=typed,
        capture_output=True,
        text=True,
        env=environment,
        cwd=home,
        timeout=60,
        check=False,
    )


def test_the_first_user_needs_no_browser(tmp_path: Path) -> None:
    made = mps("organisation", "create", "Ville d’Essai", "--siret", BUYER, "--json", home=tmp_path)
    assert made.returncode == 0, made.stderr
    assert len(json.loads(made.stdout)["ref"]) == 12
    user = mps(
        "user", "create", "lea@exemple.fr", "--name", "Léa", "--organisation", BUYER, "--role", "officer", home=tmp_path
    )
    assert user.returncode == 0, user.stderr
    chosen = mps("user", "password", "lea@exemple.fr", home=tmp_path, typed="une phrase assez longue\n")
    assert chosen.returncode == 0, chosen.stderr
    token = mps("token", "create", "lea@exemple.fr", "--json", home=tmp_path)
    assert json.loads(token.stdout)["token"].startswith("mps_")


def test_a_new_password_says_what_it_closes_and_which_tokens_stay(tmp_path: Path) -> None:
    account = "lea@exemple.fr"
    assert mps("user", "create", account, "--name", "Léa", home=tmp_path).returncode == 0
    for label in ("paie", "veille"):
        assert mps("token", "create", account, "--label", label, home=tmp_path).returncode == 0
    typed = "une phrase assez longue\n"
    stays = mps("user", "password", account, home=tmp_path, typed=typed)
    assert stays.returncode == 0, stays.stderr
    assert "Aucune session n’était ouverte" in stays.stdout
    assert "paie, veille" in stays.stdout
    assert "--tokens" in stays.stdout
    shut = mps("user", "password", account, "--tokens", "--json", home=tmp_path, typed=typed)
    told = json.loads(shut.stdout)
    assert (told["sessions_closed"], told["tokens_revoked"], told["tokens_left"]) == (0, ["paie", "veille"], [])
    assert (
        json.loads(mps("user", "password", account, "--json", home=tmp_path, typed=typed).stdout)["tokens_left"] == []
    )


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "sentence"),
    [
        (["organisation", "create", "X", "--siret", "123"], "", 1, "SIRET"),
        (["user", "password", "personne@exemple.fr"], "une phrase assez longue\n", 1, "Aucun compte"),
        (["user", "create", "pas-une-adresse", "--name", "X"], "", 1, "nom@exemple.fr"),
        (["user", "create", "a@b.fr", "--name", "X", "--organisation", BUYER], "", 1, "Aucune organisation"),
        (["restore", "absente.tar.gz"], "", 1, "ne se lit pas"),
        (["nimporte"], "", 2, "No such command"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    tmp_path: Path, arguments: list[str], typed: str, code: int, sentence: str
) -> None:
    done = mps(*arguments, home=tmp_path, typed=typed)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bad_setting_stops_with_its_name_and_exit_2(tmp_path: Path) -> None:
    done = mps("migrate", home=tmp_path, MPS_DATABASE_URL="mysql://x")
    assert done.returncode == 2
    assert "MPS_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
