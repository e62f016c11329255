"""Worker processes: an answer, a sentence, a time limit, a death that is not ours."""

import os
import time

import pytest

from api import isolate
from procurement.errors import Refused, Unavailable

HERE = "tests.api.test_isolate"


def add(a: int, b: int) -> int:
    return a + b


def refuse() -> None:
    raise Refused("Non, pour cette raison.")


def sleep_long() -> None:
    time.sleep(60)


def die() -> None:
    os._exit(7)


def eat_memory() -> int:
    return len(bytearray(isolate.MEGABYTES << 20))


def test_the_answer_comes_from_another_process() -> None:
    assert isolate.run(f"{HERE}:add", 2, b=3) == 5
    assert isolate.run("os:getpid") != os.getpid()


def test_a_refusal_keeps_its_sentence() -> None:
    with pytest.raises(isolate.WorkFailed) as error:
        isolate.run(f"{HERE}:refuse")
    assert (error.value.kind, error.value.sentence) == ("Refused", "Non, pour cette raison.")


def test_too_long_is_a_sentence_and_the_next_call_works() -> None:
    with pytest.raises(Unavailable, match="temps permis"):
        isolate.run(f"{HERE}:sleep_long", seconds=1.0)
    assert isolate.run(f"{HERE}:add", 1, 1) == 2


def test_a_death_is_a_sentence_and_the_next_call_works() -> None:
    with pytest.raises(Unavailable, match="échouer"):
        isolate.run(f"{HERE}:die")
    assert isolate.run(f"{HERE}:add", 1, 1) == 2


def test_too_much_memory_is_a_sentence() -> None:
    with pytest.raises(isolate.WorkFailed, match="mémoire"):
        isolate.run(f"{HERE}:eat_memory")
