"""Collects the translatable strings of code and templates into the catalogues; run by `dev.py messages`.

Django's makemessages needs GNU gettext on the machine. This does the same in Python: Django's own
`templatize` turns a template into gettext calls, and Babel reads those, as it reads the code.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import django
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tertulia"
LANGUAGES = ["en", "es", "ko", "ru", "zh_Hans"]
WIDTH = 100
PEOPLE = {
    "project": "Tertulia",
    "version": "1",
    "msgid_bugs_address": "see CONTRIBUTING.md",
    "last_translator": "The Tertulia authors",
    "language_team": "The Tertulia authors",
}

KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_noop": None,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def python_sources() -> Iterator[tuple[Path, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in path.parts:
            yield path, path.read_text()


def template_sources() -> Iterator[tuple[Path, str]]:
    for path in sorted(PACKAGE.glob("**/templates/**/*.*")):
        calls = templatize(path.read_text(), origin=str(path))
        # What is left of the markup would be read as Python's indentation.
        yield path, re.sub(r"^[ \t]+", "", calls, flags=re.MULTILINE)


def collect() -> Catalog:
    found = Catalog()
    for path, text in [*python_sources(), *template_sources()]:
        where = path.relative_to(ROOT).as_posix()
        source = io.BytesIO(text.encode())
        options = {"encoding": "utf-8"}
        for _line, message, comments, context in extract(
            "python", source, KEYWORDS, comment_tags=["Translators"], options=options
        ):
            found.add(message, None, [(where, 1)], auto_comments=comments, context=context)
    return found


def update(language: str, found: Catalog) -> Catalog:
    """Merge into the language's catalogue; what is no longer used is dropped, nothing is guessed."""
    path = PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"
    catalogue = Catalog(locale=language, header_comment=f"# Tertulia in {language}.", fuzzy=False, **PEOPLE)
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
    catalogue.update(found, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        # Without line numbers: a catalogue changes only when its strings do.
        write_po(file, catalogue, WIDTH, include_lineno=False, sort_output=True, ignore_obsolete=True)
    return catalogue


def missing(catalogue: Catalog) -> int:
    translations = ([m.string] if isinstance(m.string, str) else m.string for m in catalogue if m.id)
    return sum(not all(texts or [""]) for texts in translations)


def main() -> None:
    settings.configure(USE_I18N=True)
    django.setup()
    found = collect()
    for language in LANGUAGES:
        catalogue = update(language, found)
        if language != "en":  # the source: an empty translation shows the string itself
            print(f"{language}: {len(catalogue)} strings, {missing(catalogue)} without translation")


if __name__ == "__main__":
    main()
