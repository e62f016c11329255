"""One invoice against all the rules: hardened reading → XSD → EN 16931 → BR-FR → BR-FR-CPRO.

A plain function, to be run in a spawned worker process, where compiled sheets stay warm. `factur-x`'s own
`xml_check_schematron` is never used: without a server it answers that everything is valid.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any

from lxml import etree

from procurement.invoicing import cpro, rulesets, saxon
from procurement.invoicing.invoice import Invoice, InvoiceUnreadable
from procurement.invoicing.parsing import plain_text, to_invoice
from procurement.invoicing.reading import Source, open_invoice
from procurement.invoicing.rulesets import Plan, RuleSet
from procurement.invoicing.schema import schema_errors
from procurement.invoicing.sentences import sentence
from procurement.invoicing.terms import HEADER

FATAL, WARNING = "fatal", "warning"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_RULE = re.compile(r"\s*\[?(BR-[A-Z0-9-]*\d+|UBL-[A-Z]+-\d+|CII-[A-Z]+-\d+|PEPPOL-[A-Z0-9-]+)")
_NAMESPACE = re.compile(r"\[namespace-uri\(\)\s*=\s*'[^']*'\]|\*:|\[1\]|(?<=[/(@])[A-Za-z][\w.-]*:")
CPRO_SET = RuleSet("BR-FR-CPRO (vérifiables sur le fichier)", "XP Z12-012 annexe A V1.2", "")


@dataclass(frozen=True)
class Finding:
    """One rule that does not hold. `severity` is fatal or warning, `source` the rule set that says so."""

    rule: str
    severity: str
    location: str
    message: str
    source: str


@dataclass(frozen=True)
class CheckReport:
    """What was checked, with what, and what was found. `valid` means no fatal finding."""

    syntax: str
    profile: str
    container: str
    number: str
    valid: bool
    rule_sets: tuple[RuleSet, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and dictionaries, for JSON."""
        plain = asdict(self)
        return plain | {"rule_sets": list(plain["rule_sets"]), "findings": list(plain["findings"])}


def check_invoice(content: bytes) -> CheckReport:
    """Check a CII or UBL XML, or a Factur-X PDF, given as bytes.

    Raises InvoiceUnreadable (a French sentence) where there is no invoice to check. CPRO rules are fatal on an invoice
    marked B2G and warnings otherwise; BR-FR sheets run where the seller is French.
    """
    source = open_invoice(content)
    profile = _first(source, "BT-24")
    plan = rulesets.plan(source.syntax, source.root, profile)
    used = [plan.xsd]
    found = _schema_findings(source, plan)
    if not found:
        sheets = (plan.european, plan.french) if _is_french(source) else (plan.european,)
        used += sheets
        found = [
            *(
                finding
                for finding in _sheet_findings(source.text, sheets)
                if not _is_foreign_profile(finding, plan, profile)
            ),
            *_own_findings(source, plan),
        ]
    rule_sets = (*(rulesets.described(name) for name in used), CPRO_SET)
    valid = all(finding.severity != FATAL for finding in found)
    return CheckReport(source.syntax, profile, source.container, _first(source, "BT-1"), valid, rule_sets, tuple(found))


def check_invoice_dict(content: bytes) -> dict[str, Any]:
    """`check_invoice` as plain data, for callers in another process."""
    return check_invoice(content).as_dict()


def _first(source: Source, term: str) -> str:
    return next((plain_text(node).strip() for node in _nodes(source, term)), "")


def _nodes(source: Source, term: str) -> list[etree._Element]:
    found = HEADER[source.syntax][term](source.tree)
    return [node for node in found if isinstance(node, etree._Element)] if isinstance(found, list) else []


def _is_french(source: Source) -> bool:
    has_siren = any(node.get("schemeID") == "0002" for node in _nodes(source, "BT-30"))
    return has_siren or _first(source, "BT-40").upper() == "FR"


def _is_foreign_profile(finding: Finding, plan: Plan, profile: str) -> bool:
    """A national profile of EN 16931 (XRechnung…) is not on Factur-X's list, and is not wrong for that."""
    national = not plan.known_profile and profile.startswith("urn:cen.eu:en16931:2017#compliant#")
    return national and finding.location.endswith("/GuidelineSpecifiedDocumentContextParameter/ID")


def _schema_findings(source: Source, plan: Plan) -> list[Finding]:
    name = f"XSD {plan.xsd.rsplit('/', 1)[-1]}"
    return [
        Finding("XSD", FATAL, location, message, name)
        for location, message in schema_errors(source.tree, rulesets.path(plan.xsd))
    ]


def _sheet_findings(text: str, sheets: tuple[str, ...]) -> list[Finding]:
    try:
        results = saxon.transform(text, tuple(rulesets.path(sheet) for sheet in sheets))
    except saxon.SaxonFailed as error:
        message = f"Une règle n’a pas pu être évaluée sur cette facture : {str(error).splitlines()[0][:200]}"
        return [Finding("MOTEUR", FATAL, "/", message, "Saxon")]
    return [
        finding
        for sheet, svrl in zip(sheets, results, strict=True)
        for finding in _read_svrl(svrl, rulesets.described(sheet).name)
    ]


def _read_svrl(svrl: str, source: str) -> list[Finding]:
    report = etree.fromstring(svrl.encode(), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    return [_finding(node, source) for node in report.iter(f"{_SVRL}failed-assert", f"{_SVRL}successful-report")]


def _finding(node: etree._Element, source: str) -> Finding:
    said = node.find(f"{_SVRL}text")
    text = "" if said is None else plain_text(said)
    named = _RULE.match(text)
    rule = (named[1] if named else "") or node.get("id") or "?"
    # The Factur-X sheets carry no flag on what they refuse: a missing flag is fatal.
    severity = WARNING if node.get("flag") in {"warning", "information", "info"} else FATAL
    return Finding(rule, severity, _NAMESPACE.sub("", node.get("location", "")), sentence(rule, text), source)


def _own_findings(source: Source, plan: Plan) -> list[Finding]:
    found = []
    if not plan.known_profile:
        message = "Ce profil (BT-24) n’est pas connu ici : la facture a été contrôlée selon EN 16931."
        found.append(Finding("MPS-PROFIL", WARNING, "BT-24", message, "mps"))
    if not _is_french(source):
        message = "Le vendeur n’est pas établi en France : les règles BR-FR n’ont pas été appliquées."
        found.append(Finding("MPS-BR-FR", WARNING, "BT-40", message, "mps"))
    try:
        return found + _cpro_findings(to_invoice(source))
    except InvoiceUnreadable as error:
        return [*found, Finding("MPS-LECTURE", FATAL, "/", error.sentence, "mps")]


def _cpro_findings(invoice: Invoice) -> list[Finding]:
    severity = FATAL if invoice.is_b2g else WARNING
    return [Finding(code, severity, term, message, "BR-FR-CPRO") for code, term, message in cpro.broken(invoice)]
