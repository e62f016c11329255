"""Worker processes: an answer, a sentence, a time limit, a death that is not ours."""

import os
import resource
import time
from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

from api import isolate
from procurement.errors import Refused, Unavailable
from signature.trust import Trust

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


def test_signatures_are_read_in_processes_of_their_own_with_less_memory() -> None:
    """INTERFACES: 512 MB of data; other work keeps what Saxon needs."""
    limits = isolate.run("resource:getrlimit", resource.RLIMIT_DATA)
    assert limits == (isolate.MEGABYTES << 20,) * 2
    pdf = PdfWriter()
    for _ in range(300):
        page = pdf.add_blank_page(595, 842)
        content = DecodedStreamObject()
        content.set_data(os.urandom(68_000))
        page[NameObject("/Contents")] = pdf._add_object(content)
    output = BytesIO()
    pdf.write(output)
    report = isolate.run("signature.verify:verify", output.getvalue(), Trust(), "2025-11-23T12:00:00+00:00", seconds=10)
    assert (report.format, report.signatures) == ("PDF", ())
    with pytest.raises((Unavailable, isolate.WorkFailed)):
        isolate.run("signature.verify:verify", bytes(600 << 20), Trust(), "2025-11-23T12:00:00+00:00")
    again = isolate.run("signature.verify:verify", output.getvalue(), Trust(), "2025-11-23T12:00:00+00:00")
    assert again.format == "PDF"
