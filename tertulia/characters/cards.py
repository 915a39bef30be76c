"""Character cards, specifications V1, V2 and V3, as one structure, in and out. Pure; `carriers` finds them in files.

Members of `data` that the structure does not name are kept in `rest` and written back. What stands outside `data` in a
V2 or V3 card only repeats it for older programs. Versions newer than 3.0 are read as what is known of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from tertulia.characters import lorebook, reading
from tertulia.core.strictjson import Object, Unreadable, join

Spec = Literal["v2", "v3"]

MAX_NAME = 100
MAX_TEXT = 30_000
MAX_LABEL = 2_000
MAX_NOTES = 30_000
MAX_GREETINGS = 50
MAX_TAGS, MAX_TAG = 50, 50

# The members' names in a card, by those of the structure, with their limits in characters.
_TEXTS: Mapping[str, tuple[str, int]] = {
    "name": ("name", MAX_NAME),
    "nickname": ("nickname", MAX_NAME),
    "description": ("description", MAX_TEXT),
    "personality": ("personality", MAX_TEXT),
    "scenario": ("scenario", MAX_TEXT),
    "greeting": ("first_mes", MAX_TEXT),
    "example_dialogue": ("mes_example", MAX_TEXT),
    "system_prompt": ("system_prompt", MAX_TEXT),
    "post_history_instructions": ("post_history_instructions", MAX_TEXT),
    "creator_notes": ("creator_notes", MAX_NOTES),
    "creator": ("creator", MAX_LABEL),
    "character_version": ("character_version", MAX_LABEL),
}
_V1_NAMES = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
_LISTS: Mapping[str, tuple[int, int]] = {
    "alternate_greetings": (MAX_GREETINGS, MAX_TEXT),
    "tags": (MAX_TAGS, MAX_TAG),
}
_NAMED = {name for name, _limit in _TEXTS.values()} | {*_LISTS, "extensions", "character_book"}
# What V3 knows beyond V2. A V2 card is written without them.
_V3_ONLY = {
    "nickname", "assets", "source", "group_only_greetings", "creator_notes_multilingual",
    "creation_date", "modification_date",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A character as cards describe it; `extensions` belong to other programs, `rest` to later specifications."""

    name: str
    nickname: str = ""
    description: str = ""
    personality: str = ""
    scenario: str = ""
    greeting: str = ""
    example_dialogue: str = ""
    system_prompt: str = ""
    post_history_instructions: str = ""
    creator_notes: str = ""
    creator: str = ""
    character_version: str = ""
    alternate_greetings: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lorebook: Object | None = None
    extensions: Object = field(default_factory=dict)
    rest: Object = field(default_factory=dict)


NAMES = tuple(each.name for each in fields(Card))


def read(source: Object) -> Card:
    """The card that parsed JSON holds; `reading.parse` has checked its values. Raises Unreadable."""
    data, path = _data(source)
    texts: dict[str, Any] = {
        ours: _text(data, theirs, path, limit) for ours, (theirs, limit) in _TEXTS.items()
    }
    if not texts["name"].strip():
        raise Unreadable(join(path, "name"), _("A card needs a name."))
    lists: dict[str, Any] = {
        name: reading.texts(data, name, path, count=count, limit=limit)
        for name, (count, limit) in _LISTS.items()
    }
    return Card(
        **texts,
        **lists,
        lorebook=_book(data, path),
        extensions=reading.object_in(data, "extensions", path) or {},
        rest=_rest(data, path),
    )


def written(card: Card, spec: Spec = "v3") -> Object:
    """The card as JSON of a specification. As V2 it lacks what only V3 knows, at its top and nowhere else."""
    data: Object = {theirs: getattr(card, ours) for ours, (theirs, _limit) in _TEXTS.items()}
    data |= {name: getattr(card, name) for name in _LISTS} | {"extensions": card.extensions}
    if card.lorebook is not None:
        data["character_book"] = _with_required(card.lorebook)
    data |= {"group_only_greetings": []} | card.rest
    if spec == "v3":
        if not card.nickname:  # an empty one would replace the name
            del data["nickname"]
        return {"spec": "chara_card_v3", "spec_version": "3.0", "data": data}
    older = {name: value for name, value in data.items() if name not in _V3_ONLY}
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": older}


def _data(source: Object) -> tuple[Object, str]:
    """Where the members stand: in `data`, or at the top of a V1 card."""
    spec = source.get("spec")
    if spec == "lorebook_v3":
        raise Unreadable("spec", _("This is a lorebook without a character."))
    if spec is not None and not (isinstance(spec, str) and spec.startswith("chara_card_v")):
        raise Unreadable("spec", _("This is not a character card."))
    inner = reading.object_in(source, "data", "")
    if inner is not None:
        return inner, "data"
    if spec is not None or "name" not in source:
        raise Unreadable("data", _("This is not a character card."))
    return {name: source[name] for name in _V1_NAMES if name in source}, ""


def _text(data: Object, name: str, path: str, limit: int) -> str:
    """A text; versions are numbers in some cards."""
    value = data.get(name)
    if name == "character_version" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return reading.text(data, name, path, limit)


def _book(data: Object, path: str) -> Object | None:
    book = reading.object_in(data, "character_book", path)
    if book is not None:
        lorebook.check(book, join(path, "character_book"))
        book = _with_required(book)
    return book


def _with_required(book: Object) -> Object:
    """With the members that both specifications require, which many programs forget."""
    entries: list[Object] = [
        {"keys": [], "content": "", "extensions": {}, "enabled": True, "insertion_order": 0}
        | _without_nulls(entry, "keys", "content", "extensions", "enabled", "insertion_order")
        for entry in book.get("entries") or ()
    ]
    return {"extensions": {}} | _without_nulls(book, "extensions") | {"entries": entries}


def _without_nulls(source: Mapping[str, Any], *names: str) -> Object:
    return {name: value for name, value in source.items() if value is not None or name not in names}


def _rest(data: Object, path: str) -> Object:
    """Members that the structure does not name. Embedded files are not kept, so neither are references to them."""
    rest = {name: value for name, value in data.items() if name not in _NAMED}
    if not rest.get("group_only_greetings"):
        rest.pop("group_only_greetings", None)
    assets = [
        asset for asset in reading.objects(data, "assets", path, count=1_000) if not _is_embedded(asset)
    ]
    rest.pop("assets", None)
    return rest | {"assets": assets} if assets else rest


def _is_embedded(asset: Object) -> bool:
    """Whether the asset's file comes with the card; the specification spells the scheme `embeded`."""
    uri = asset.get("uri")
    return isinstance(uri, str) and uri.startswith(("embeded://", "ccdefault:", "data:"))
