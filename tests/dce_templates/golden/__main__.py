"""Write the words of the golden dossiers anew."""

from tests.dce_templates.golden import HERE, NAMES, text_of

for name in NAMES:
    (HERE / f"{name}.txt").write_text(text_of(name), encoding="utf-8")
