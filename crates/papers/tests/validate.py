"""Validates every paper of a folder: UBL 2.1 schemas, EN 16931 rules, and Peppol's for those that
say they are by Peppol. Prints what it found; fails on any error.

    validate.py RULES.jar FOLDER

Before that it breaks one of them in ways that each layer must notice: what finds nothing in those
finds nothing at all.
"""

import pathlib
import re
import sys
import tempfile
import zipfile
from xml.etree import ElementTree

from peppol.xsd import validate_xsd
from saxonche import PySaxonProcessor

RELEASE = "external/schematron/openpeppol/2026.5/xslt/"
SHEETS = ("CEN-EN16931-UBL", "PEPPOL-EN16931-UBL")
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
PEPPOL = "urn:fdc:peppol.eu:2017:poacc:billing"

# What is broken, with what, and the rule that must notice.
BROKEN = [
    (r"(<cbc:PayableAmount [^>]*>)[^<]*", r"\g<1>999.99", "BR-CO-16"),
    (r"(<cbc:TaxExclusiveAmount [^>]*>)[^<]*", r"\g<1>999.99", "BR-CO-13"),
    (r"<cbc:IssueDate>[^<]*</cbc:IssueDate>", "", "XSD"),
    (r"<cbc:BuyerReference>[^<]*</cbc:BuyerReference>", "", "PEPPOL-EN16931-R003"),
]


def findings(report):
    """The assertions that failed: (flag, id, text)."""
    root = ElementTree.fromstring(report)
    # A report without a rule that fired is a report about nothing.
    if not root.findall(SVRL + "fired-rule"):
        yield "fatal", "none", "no rule looked at the document"
    for failed in root.findall(SVRL + "failed-assert"):
        text = " ".join("".join(failed.itertext()).split())
        yield failed.get("flag", "fatal"), failed.get("id", "?"), text


class Rules:
    def __init__(self, saxon, archive, scratch):
        self.saxon = saxon
        self.sheets = []
        with zipfile.ZipFile(archive) as rules:
            for name in SHEETS:
                sheet = rules.extract(f"{RELEASE}{name}.xslt", scratch)
                compiler = saxon.new_xslt30_processor()
                self.sheets.append((name, compiler.compile_stylesheet(stylesheet_file=sheet)))

    def judge(self, text):
        found = [("fatal", "XSD", words) for words in validate_xsd(text)[1]]
        for name, sheet in self.sheets:
            if name.startswith("PEPPOL") and PEPPOL not in text:
                continue
            node = self.saxon.parse_xml(xml_text=text)
            found += findings(sheet.transform_to_string(xdm_node=node))
        return found


def unnoticed(rules, text):
    for pattern, replacement, rule in BROKEN:
        broken, count = re.subn(pattern, replacement, text, count=1)
        if count != 1 or rule not in {found for _, found, _ in rules.judge(broken)}:
            yield rule


def main(archive, folder):
    papers = sorted(pathlib.Path(folder).glob("*.xml"))
    errors = warnings = peppol = 0
    kinds = {}
    with tempfile.TemporaryDirectory() as scratch, PySaxonProcessor(license=False) as saxon:
        rules = Rules(saxon, archive, scratch)
        texts = {paper.name: paper.read_text(encoding="utf-8") for paper in papers}
        sample = next(text for text in texts.values() if PEPPOL in text and "<Invoice" in text)
        missed = list(unnoticed(rules, sample))
        if missed:
            print("broken papers pass:", ", ".join(missed))
            return 1
        for name, text in texts.items():
            peppol += PEPPOL in text
            root = re.sub(r"\{.*\}", "", ElementTree.fromstring(text.encode()).tag)
            kinds[root] = kinds.get(root, 0) + 1
            found = rules.judge(text)
            for flag, rule, words in found:
                print(f"{name}: {flag} [{rule}] {words}")
            errors += sum(flag != "warning" for flag, _, _ in found)
            warnings += sum(flag == "warning" for flag, _, _ in found)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    print(f"{len(papers)} papers ({counted}; {peppol} by Peppol): {errors} errors, {warnings} warnings")
    return 1 if errors or not papers else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
