"""What was added to a PDF before it came back signed: a later revision could redraw pages, then sign the result.

pyHanko's own policy only compares revisions after a first signature, so this one starts at the file handed out: no
object it held may change, but the catalogue and the pages for what a signature needs.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils.reader import PdfFileReader

from signature.errors import Unreadable

# What signing tools add to the catalogue; and entries of a document that say nothing to its reader.
CATALOGUE = frozenset({"/AcroForm", "/DSS", "/Extensions", "/Version", "/Metadata"})
PAGE = frozenset({"/Annots"})
FORM = frozenset({"/Fields", "/SigFlags"})
STORE = frozenset({"/Certs", "/CRLs", "/OCSPs", "/VRI"})
CHANGED = "Le contenu du document a été modifié avant d’être signé : ce n’est plus l’acte préparé par l’acheteur."
ANNOTATED = "Le document a reçu des annotations ou des champs avant sa signature : signez-le tel quel."


def redrawn(unsigned: bytes, signed: bytes) -> str:
    """ "" where `signed` only adds signatures to `unsigned`; else one French sentence. Raises Unreadable."""
    if not signed.startswith(unsigned):
        return "Le fichier signé n’est pas la suite du fichier remis."
    try:
        revisions = PdfFileReader(BytesIO(unsigned), strict=False).total_revisions
        reader = PdfFileReader(BytesIO(signed), strict=False)
        old = reader.get_historical_resolver(revisions - 1)
        if not _same(old.root, reader.root, CATALOGUE) or any(_changed(reader, old, revisions)):
            return CHANGED
        return "" if _only_signatures(reader, old) else ANNOTATED
    except Exception as error:
        raise Unreadable("Le fichier est un PDF abîmé ou incomplet : il ne peut être lu.") from error


def _same(old: Any, new: Any, free: frozenset[str]) -> bool:
    """The same entries, but for those of `free`."""
    keys = (set(old) | set(new)) - free
    return all(key in old and key in new and old.raw_get(key) == new.raw_get(key) for key in keys)


def _changed(reader: Any, old: Any, revisions: int) -> Iterator[bool]:
    """One answer per object of the first file that a later revision defines again."""
    known: set[Any] = set().union(*(reader.xrefs.explicit_refs_in_revision(n) for n in range(revisions)))
    later = range(revisions, reader.total_revisions)
    touched: set[Any] = set().union(*(reader.xrefs.explicit_refs_in_revision(n) for n in later))
    free = {reader.root_ref, old.root_ref, _reference(reader.trailer, "/Info"), _reference(old.root, "/Metadata")}
    form, store = _reference(old.root, "/AcroForm"), _reference(old.root, "/DSS")
    for reference in touched & known - free:
        before, after = old.get_object(reference), reader.get_object(reference)
        if reference in (form, store):  # of an act that others signed before: it may only grow
            yield not _grown(before, after, FORM if reference == form else STORE)
            continue
        page = hasattr(before, "raw_get") and hasattr(after, "raw_get") and _get(before, "/Type", "") == "/Page"
        yield not (_same(before, after, PAGE) if page else before == after or _is_list(before, after))


def _grown(before: Any, after: Any, lists: frozenset[str]) -> bool:
    """The same dictionary, but for entries of `lists`, which keep what they held."""
    if not (hasattr(before, "raw_get") and hasattr(after, "raw_get") and _same(before, after, lists)):
        return False
    pairs = [(_get(before, key, None), _get(after, key, None)) for key in lists & set(before)]
    return all(_is_list(a, b) if isinstance(a, list) else b is not None for a, b in pairs)


def _is_list(before: Any, after: Any) -> bool:
    """An array of annotations kept apart from its page may grow; `_only_signatures` looks at what it holds."""
    return isinstance(before, list) and isinstance(after, list) and list(after)[: len(before)] == list(before)


def _reference(holder: Any, key: str) -> Any:
    value = holder.raw_get(key) if key in holder else None
    return getattr(value, "reference", None)


def _only_signatures(reader: Any, old: Any) -> bool:
    """Every annotation that is new is a signature's, and so is every field of the form."""
    fields = [_object(field) for field in _get(_get(reader.root, "/AcroForm", {}), "/Fields", ())]
    if any(_get(field, "/FT", "") != "/Sig" for field in fields):
        return False
    pages = zip(_pages(old.root["/Pages"]), _pages(reader.root["/Pages"]), strict=True)
    for before, after in ((list(_get(a, "/Annots", ())), list(_get(b, "/Annots", ()))) for a, b in pages):
        added = [_object(one) for one in after[len(before) :]]
        if after[: len(before)] != before or not all(_is_signature(one) for one in added):
            return False
    return True


def _is_signature(annotation: Any) -> bool:
    return bool(_get(annotation, "/Subtype", "") == "/Widget" and _get(annotation, "/FT", "") == "/Sig")


def _get(holder: Any, key: str, missing: Any) -> Any:
    return holder[key] if key in holder else missing  # noqa: SIM401 - get() gives references, [] what they point at


def _object(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value


def _pages(node: Any, depth: int = 0) -> Iterator[Any]:
    """The pages of the tree, in order; a tree deeper than fifty is no honest one."""
    if depth > 50:
        raise ValueError("the page tree is too deep")
    for child in map(_object, node["/Kids"]):
        if _get(child, "/Type", "") == "/Pages":
            yield from _pages(child, depth + 1)
        else:
            yield child
