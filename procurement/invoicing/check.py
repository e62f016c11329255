"""One invoice against all the rules: hardened reading → XSD → EN 16931 → BR-FR → BR-FR-CPRO → D2192-2.

A plain function, to be run in a spawned worker process, where compiled sheets stay warm. `factur-x`'s own
`xml_check_schematron` is never used: without a server it answers that everything is valid.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from lxml import etree

from procurement.invoicing import cpro, mentions, own, rulesets, saxon
from procurement.invoicing.directory import Directory
from procurement.invoicing.invoice import Invoice, InvoiceUnreadable
from procurement.invoicing.parsing import plain_text, to_invoice
from procurement.invoicing.reading import Source, open_invoice
from procurement.invoicing.rows import NotVerified, Row, broken, fingerprint, not_verified
from procurement.invoicing.rulesets import Plan, RuleSet
from procurement.invoicing.schema import schema_errors
from procurement.invoicing.sentences import sentence
from procurement.invoicing.terms import HEADER

FATAL, WARNING = "fatal", "warning"
# The Factur-X sheets give no code to what they say of elements that a profile does not use.
UNNAMED = "FX-SCH"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_RULE = re.compile(r"\s*\[?(BR-[A-Z0-9-]*\d+|UBL-[A-Z]+-\d+|CII-[A-Z]+-\d+|PEPPOL-[A-Z0-9-]+)")
_VARIANT = re.compile(r"ini|rev")
_NAMESPACE = re.compile(r"\[namespace-uri\(\)\s*=\s*'[^']*'\]|\*:|\[1\]|(?<=[/(@])[A-Za-z][\w.-]*:")
CPRO, MENTIONS, OWN = "BR-FR-CPRO", mentions.SOURCE, own.SOURCE
OWN_SETS = (
    RuleSet(CPRO, cpro.VERSION, fingerprint(cpro.RULES)),
    RuleSet(MENTIONS, mentions.VERSION, fingerprint(mentions.RULES)),
    RuleSet(OWN, "avertissements de ce service", fingerprint(own.RULES)),
)
SCHEMA_FIRST = NotVerified(
    "EN 16931, BR-FR, BR-FR-CPRO", "Le fichier ne suit pas son schéma : les règles de gestion n’ont pas été contrôlées."
)


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
    """What was checked, with what, and what was found. `valid` means no fatal finding.

    `not_verified` are the rules that could not be judged on this file, `attachment` the name under which a PDF carries
    the invoice.
    """

    syntax: str
    profile: str
    container: str
    attachment: str
    number: str
    valid: bool
    rule_sets: tuple[RuleSet, ...]
    findings: tuple[Finding, ...]
    not_verified: tuple[NotVerified, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and dictionaries, for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def check_invoice(content: bytes, directory: Directory | None = None) -> CheckReport:
    """Check a CII or UBL XML, or a Factur-X PDF, given as bytes.

    Raises InvoiceUnreadable (a French sentence) where there is no invoice to check. CPRO rules are fatal on an invoice
    marked B2G and warnings otherwise; BR-FR sheets run where the seller is French. Rules that need the directory of
    public bodies are judged where `directory` knows the buyer, and said not verified otherwise.
    """
    return check_and_read(content, directory)[0]


def check_and_read(content: bytes, directory: Directory | None = None) -> tuple[CheckReport, Invoice | None]:
    """The same with the invoice as read, None where a value it needs is missing or impossible."""
    source = open_invoice(content)
    try:
        invoice, unread = to_invoice(source), ""
    except InvoiceUnreadable as error:
        invoice, unread = None, error.sentence
    return _report(source, invoice, unread, directory), invoice


def _report(source: Source, invoice: Invoice | None, unread: str, directory: Directory | None) -> CheckReport:
    profile = _first(source, "BT-24")
    plan = rulesets.plan(source.syntax, source.root, profile)
    sheets = (plan.european, plan.french) if _is_french(source) else (plan.european,)
    found, left = _schema_findings(source, plan), [SCHEMA_FIRST]
    if not found:
        found = [f for f in _sheet_findings(source.text, sheets) if not _is_foreign_profile(f, plan, profile)]
        more, left = _own_findings(source, plan)
        found += more
        if invoice is None:
            found.append(Finding("MPS-LECTURE", FATAL, "/", unread, OWN))
        else:
            found, left = found + _row_findings(invoice, directory), left + _not_judged(invoice, directory)
    used = (plan.xsd,) if left == [SCHEMA_FIRST] else (plan.xsd, *sheets)
    return CheckReport(
        syntax=source.syntax,
        profile=profile,
        container=source.container,
        attachment=source.attachment,
        number=_first(source, "BT-1"),
        valid=all(finding.severity != FATAL for finding in found),
        rule_sets=(*(rulesets.described(name) for name in used), *OWN_SETS),
        findings=tuple(found),
        not_verified=tuple(left),
    )


def check_invoice_dict(content: bytes, directory: Directory | None = None) -> dict[str, Any]:
    """`check_invoice` as plain data, for callers in another process."""
    return check_invoice(content, directory).as_dict()


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
        return [_stopped(error, "Saxon")]
    return [
        finding
        for sheet, result in zip(sheets, results, strict=True)
        for finding in _read_result(result, rulesets.described(sheet).name)
    ]


def _read_result(result: str | saxon.SaxonFailed, source: str) -> list[Finding]:
    return _read_svrl(result, source) if isinstance(result, str) else [_stopped(result, source)]


def _stopped(error: saxon.SaxonFailed, source: str) -> Finding:
    said = " ".join(str(error).split())[:200]
    message = (
        "Ces règles n’ont pas pu être évaluées : une valeur de la facture est répétée, vide ou démesurée. "
        f"Le moteur dit, en anglais : {said}"
    )
    return Finding("MOTEUR", FATAL, "/", message, source)


def _read_svrl(svrl: str, source: str) -> list[Finding]:
    return [_finding(node, source) for node in _failed(svrl)]


def _failed(svrl: str) -> Iterator[etree._Element]:
    report = etree.fromstring(svrl.encode(), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    return report.iter(f"{_SVRL}failed-assert", f"{_SVRL}successful-report")


def _finding(node: etree._Element, source: str) -> Finding:
    said = node.find(f"{_SVRL}text")
    text = "" if said is None else plain_text(said)
    named = _RULE.match(text)
    rule = _whole_name(named[1] if named else "", node.get("id", "")) or UNNAMED
    # The Factur-X sheets carry no flag on what they refuse: a missing flag is fatal.
    severity = WARNING if node.get("flag") in {"warning", "information", "info"} else FATAL
    return Finding(rule, severity, _NAMESPACE.sub("", node.get("location", "")), sentence(rule, text), source)


def _whole_name(said: str, own: str) -> str:
    """BR-FREXT-AE-08ini and BR-FREXT-AE-08rev are other rules than BR-FREXT-AE-08, which their text may begin with."""
    return own if not said or _VARIANT.fullmatch(own.removeprefix(said)) else said


def _own_findings(source: Source, plan: Plan) -> tuple[list[Finding], list[NotVerified]]:
    found, left = [], []
    if not plan.known_profile:
        message = "Ce profil (BT-24) n’est pas connu ici : la facture a été contrôlée selon EN 16931."
        found.append(Finding("MPS-PROFIL", WARNING, "BT-24", message, OWN))
    if plan.missing:
        message = f"Ce profil n’est pas une facture complète : il ne porte pas {plan.missing}."
        found.append(Finding("MPS-PROFIL", WARNING, "BT-24", message, OWN))
        left.append(
            NotVerified(
                "EN 16931", f"Ce profil ne porte pas {plan.missing} : les règles qui en parlent n’ont rien contrôlé."
            )
        )
    if not _is_french(source):
        message = "Le vendeur n’est pas établi en France : les règles BR-FR n’ont pas été appliquées."
        found.append(Finding("MPS-BR-FR", WARNING, "BT-40", message, OWN))
    return found, left


def _row_findings(invoice: Invoice, directory: Directory | None) -> list[Finding]:
    """An invoice to a public buyer is held to what Chorus Pro asks; another is told what it would be refused for."""
    severity = FATAL if invoice.is_b2g else WARNING
    return [
        *_named(broken(cpro.RULES, invoice, directory), severity, CPRO),
        *(_named(broken(mentions.RULES, invoice, directory), WARNING, MENTIONS) if invoice.is_b2g else ()),
        *_named(broken(own.RULES, invoice, directory), WARNING, OWN),
    ]


def _named(rows: list[Row], severity: str, source: str) -> list[Finding]:
    return [Finding(row.code, WARNING if row.supposed else severity, row.term, row.sentence, source) for row in rows]


def _not_judged(invoice: Invoice, directory: Directory | None) -> list[NotVerified]:
    rows = (*cpro.RULES, *mentions.RULES) if invoice.is_b2g else cpro.RULES
    return not_verified(rows, invoice, directory)
