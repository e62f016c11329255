"""What was added to a PDF before it came back signed: a later revision could redraw pages, then sign the result.

Compares revisions with pyHanko's strict policy; only signature fields and what comes with them may be new.
"""

from io import BytesIO

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel, SuspiciousModification
from pyhanko.sign.fields import MDPPerm

from signature.engine import STRICT_DIFF
from signature.errors import Unreadable


def redrawn(unsigned: bytes, signed: bytes) -> str:
    """ "" where `signed` only adds signatures to `unsigned`; else one French sentence. Raises Unreadable."""
    if not signed.startswith(unsigned):
        return "Le fichier signé n’est pas la suite du fichier remis."
    try:
        base = PdfFileReader(BytesIO(unsigned), strict=False).total_revisions - 1
        reader = PdfFileReader(BytesIO(signed), strict=False)
        result = STRICT_DIFF.review_file(reader, base, doc_mdp=MDPPerm.FILL_FORMS)
    except Exception as error:
        raise Unreadable("Le fichier est un PDF abîmé ou incomplet : il ne peut être lu.") from error
    if isinstance(result, SuspiciousModification):
        return "Le contenu du document a été modifié avant d’être signé : ce n’est plus l’acte préparé par l’acheteur."
    if result.modification_level >= ModificationLevel.ANNOTATIONS:
        return "Des annotations ont été ajoutées au document avant sa signature : signez-le tel quel."
    return ""
