"""The form of a character: a posted form as the values that the actions take, and a character as what the form shows.

The rules are those of `characters.validation`; a fault is told beside the field that it belongs to.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from tertulia.characters import pictures, validation
from tertulia.characters.access import Character
from tertulia.core.errors import InvalidInput, Text, TooLarge
from tertulia.web import forms, lore

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile  # a generic in the stubs only

LINES = (
    "name", "nickname", "summary", "creator", "character_version", "voice", "model", "language", "visibility",
)  # fmt: skip
AREAS = (
    "description", "personality", "scenario", "greeting", "example_dialogue", "system_prompt",
    "post_history_instructions", "creator_notes",
)  # fmt: skip

# Fields as the form calls them, for the list of what is wrong.
LABELS: Mapping[str, Text] = {
    "name": _("Name"),
    "summary": _("In one sentence"),
    "description": _("Description"),
    "personality": _("Personality"),
    "scenario": _("Scenario"),
    "greeting": _("Greeting"),
    "alternate_greetings": _("Other greetings"),
    "example_dialogue": _("Example dialogue"),
    "model": _("Model"),
    "voice": _("Voice"),
    "nickname": _("Called in conversation"),
    "system_prompt": _("System prompt"),
    "post_history_instructions": _("Closing instructions"),
    "lorebook": _("Lorebook"),
    "visibility": _("Who may meet it"),
    "tags": _("Tags, with commas between them"),
    "language": _("Its language"),
    "character_version": _("Version"),
    "creator": _("Made by"),
    "creator_notes": _("Notes"),
    "hue": _("Colour"),
    "picture": _("Picture"),
    **{name: field.label or name for name, field in forms.OptionsForm.base_fields.items() if name != "model"},
}

Errors = dict[str, list[Text]]


def values_in(post: QueryDict, stored: Character | None = None) -> dict[str, Any]:
    """What the form says of a character, cleaned; raises InvalidInput with every fault under its field's name.

    `stored` is the character that it changes.
    """
    errors: Errors = {}
    values: dict[str, Any] = {name: _text(post, name) for name in (*LINES, *AREAS) if name in post}
    values |= {"tags": _tags(post), "alternate_greetings": _greetings(post)}
    if post.get("hue"):
        hue = hue_in(post)
        values["hue"] = post["hue"] if hue is None else hue
    with _noting(errors):
        values["parameters"] = forms.parameters_of(forms.OptionsForm.read(post))
    with _noting(errors):
        values["lorebook"] = lore.book_in(post, stored.lorebook if stored else None)
    with _noting(errors):
        values = validation.cleaned(values)
    if errors:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)
    return values


def hue_in(given: Mapping[str, Any]) -> int | None:
    """The colour among a form's fields, in degrees; None for what is no colour."""
    text = str(given.get("hue", ""))
    # str.isdigit alone would take ² and thousands of digits.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) < 360 else None


def picture_in(request: HttpRequest) -> bytes | None:
    """The chosen picture, encoded anew, None without one; raises InvalidInput or TooLarge naming `picture`."""
    file = uploaded(request, "picture", pictures.MAX_FILE)
    return pictures.reencoded(file, "picture") if file is not None else None


def uploaded(request: HttpRequest, name: str, limit: int) -> bytes | None:
    """The bytes of a file field, None when nothing was chosen; raises TooLarge naming it."""
    file = file_in(request, name, limit)
    return None if file is None else bytes(file.read())


def file_in(request: HttpRequest, name: str, limit: int) -> "UploadedFile[bytes] | None":
    """The file of a field, unread; otherwise as `uploaded`."""
    file = request.FILES.get(name)
    if file is not None and (file.size is None or file.size > limit):
        text = _("At most %(limit)d bytes.") % {"limit": limit}
        raise TooLarge(text, errors={name: [text]})
    return file


def shown(character: Character) -> dict[str, Any]:
    """A character as the fields of its form."""
    options = dict(character.parameters)
    return {
        **{name: getattr(character, name) for name in (*LINES, *AREAS)},
        **options,
        "stop": "\n".join(options.get("stop", ())),
        "hue": character.hue,
        "tags": ", ".join(character.tags),
        "alternate_greetings": character.alternate_greetings,
        "lorebook": lore.as_json(character.lorebook),
        "lore": lore.rows_of(character.lorebook),
        "lore_known": lore.known_of(character.lorebook),
    }


def typed(post: QueryDict) -> dict[str, Any]:
    """What was typed, to be shown again."""
    return {
        **post.dict(),
        "alternate_greetings": _greetings(post),
        "lore": lore.typed_rows(post),
        "lore_known": post.get("lore-known"),
    }


def _text(post: QueryDict, name: str) -> str:
    """Browsers send every end of a line as two characters."""
    return post.get(name, "").replace("\r\n", "\n")


def _tags(post: QueryDict) -> list[str]:
    return [tag for part in post.get("tags", "").split(",") if (tag := part.strip())]


def _greetings(post: QueryDict) -> list[str]:
    texts = (text.replace("\r\n", "\n") for text in post.getlist("alternate_greetings"))
    return [text for text in texts if text.strip()]


@contextmanager
def _noting(errors: Errors) -> Iterator[None]:
    """Keep the faults of the block and go on, so that all of them are told at once."""
    try:
        yield
    except InvalidInput as problem:
        for path, texts in (problem.errors or {}).items():
            name, _dot, inside = path.partition(".")
            errors.setdefault(name, []).extend(_placed(inside, text) for text in texts)


def _placed(place: str, text: Text) -> Text:
    return f"{place}: {text}" if place else text
