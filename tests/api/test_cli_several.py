"""A file that makes its worker fail: what happened is said, and only a damaged file is called so."""

import pytest

from api.cli.several import BadFile, in_worker
from procurement.errors import Unavailable

HERE = "tests.api.test_cli_several"


def unreachable() -> None:
    raise Unavailable("L’autorité de révocation ne répond pas.")


def out_of_time() -> None:
    raise TimeoutError


def spoilt() -> None:
    raise ValueError("invalid literal")


@pytest.mark.parametrize(
    ("work", "args", "said"),
    [
        ("time:sleep", (60,), "a dépassé le temps permis"),
        ("os:_exit", (7,), "a fait échouer son traitement"),
        (f"{HERE}:unreachable", (), "L’autorité de révocation ne répond pas."),
        (f"{HERE}:out_of_time", (), "a dépassé le temps permis"),
        (
            f"{HERE}:spoilt",
            (),
            "ne peut pas être traité : il est abîmé, ou d’une forme imprévue (ValueError).",
        ),
    ],
)
def test_what_happened_is_said(work: str, args: tuple[int, ...], said: str) -> None:
    with pytest.raises(BadFile) as error:
        in_worker(frozenset(), work, *args, seconds=20.0 if work.startswith(HERE) else 2.0)
    assert said in error.value.sentence


def test_the_work_s_own_sentence_is_shown_where_it_is_known() -> None:
    with pytest.raises(BadFile, match="invalid literal"):
        in_worker(frozenset({"ValueError"}), f"{HERE}:spoilt", seconds=20.0)
