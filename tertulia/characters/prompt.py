"""What a character is told of itself: the system text of an instance, made of named sections. Pure.

`persona` gathers what goes in; the chat engine and the preview of a prompt call the same functions. What stays the same
from turn to turn comes first, so that a provider's prompt cache can serve it again. The headings are for the model and
are in English in every language; a card's own words decide in which language it speaks.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from tertulia.characters import macros
from tertulia.characters.lorebook import Lore
from tertulia.providers.estimate import estimate_tokens

DEFAULT_SYSTEM = (
    "You are {{char}}, in conversation with {{user}}. Stay in character, answer in the language in which {{user}} "
    "writes, and never write {{user}}'s part."
)


class CharacterText(Protocol):
    """The parts of a character that a model is told; `models.Character` has them."""

    @property
    def name(self) -> str: ...
    @property
    def nickname(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def personality(self) -> str: ...
    @property
    def scenario(self) -> str: ...
    @property
    def example_dialogue(self) -> str: ...
    @property
    def system_prompt(self) -> str: ...
    @property
    def post_history_instructions(self) -> str: ...


class InstanceText(Protocol):
    """The parts of an instance that a model is told; `models.Instance` has them."""

    @property
    def name(self) -> str: ...
    @property
    def memory(self) -> str: ...


class Section(NamedTuple):
    """A named part of the system text. Of two that do not fit together, the one of the greater `rank` goes."""

    name: str
    text: str
    rank: int


def system_text(
    character: CharacterText,
    instance: InstanceText | None,
    user_nickname: str,
    memory_entries: Sequence[str],
    lore_entries: Sequence[Lore],
) -> str:
    """The whole system text; `instance` is None where a character is spoken to without one."""
    return joined(sections(character, instance, user_nickname, memory_entries, lore_entries))


def closing_text(character: CharacterText, instance: InstanceText | None, user_nickname: str) -> str:
    """What a card wants said after the history (`post_history_instructions`); mostly empty."""
    return _expanded(character.post_history_instructions, character, instance, user_nickname).strip()


def spoken_name(character: CharacterText, instance: InstanceText | None) -> str:
    """What `{{char}}` stands for: an instance's own name, else the card's nickname, else its name."""
    if instance is not None and instance.name != character.name:
        return instance.name
    return character.nickname or character.name


def sections(
    character: CharacterText,
    instance: InstanceText | None,
    user_nickname: str,
    memory_entries: Sequence[str],
    lore_entries: Sequence[Lore],
) -> list[Section]:
    """The sections in their order, macros expanded, empty ones left out."""
    constant = [lore for lore in lore_entries if lore.is_constant]
    awake = [lore.text for lore in lore_entries if not lore.is_constant]
    parts = [
        Section("system", character.system_prompt or DEFAULT_SYSTEM, 0),
        Section("world", _lines(lore.text for lore in constant if lore.before), 2),
        Section("character", _described(character), 0),
        Section("world", _lines(lore.text for lore in constant if not lore.before), 2),
        Section("examples", _examples(character.example_dialogue), 5),
        Section("memory", _titled("What {{char}} remembers", instance.memory if instance else ""), 1),
        # From here on the text changes from turn to turn.
        Section("lore", _titled("What matters now", _lines(awake)), 4),
        Section("entries", _titled("Notes from earlier conversations", _listed(memory_entries)), 3),
    ]
    expanded = (
        part._replace(text=_expanded(part.text, character, instance, user_nickname)) for part in parts
    )
    return [part for part in expanded if part.text.strip()]


def fitted(parts: Sequence[Section], budget: int) -> tuple[list[Section], list[str]]:
    """The sections that fit into `budget` estimated tokens, and the names of those left out.

    Examples go first, then lore and notes; who the character is and what its user wrote for it to remember stays,
    whatever it costs.
    """
    kept, left_out = list(parts), []
    for part in sorted(parts, key=lambda part: -part.rank):
        if part.rank < _FIRST_EXPENDABLE or estimate_tokens(joined(kept)) <= budget:
            break
        kept.remove(part)
        left_out.append(part.name)
    return kept, left_out


_FIRST_EXPENDABLE = 2


def joined(parts: Iterable[Section]) -> str:
    """The sections as one text."""
    return "\n\n".join(part.text.strip() for part in parts)


def _expanded(text: str, character: CharacterText, instance: InstanceText | None, user_nickname: str) -> str:
    names = {"char": spoken_name(character, instance), "user": user_nickname}
    return macros.expanded(text, **names, original=macros.expanded(DEFAULT_SYSTEM, **names))


def _described(character: CharacterText) -> str:
    parts = (
        character.description,
        _labelled("Personality", character.personality),
        _labelled("Scenario", character.scenario),
    )
    return _titled("Who {{char}} is", _lines(parts))


def _examples(dialogue: str) -> str:
    return _titled("How {{char}} speaks", "\n\n".join(macros.examples(dialogue)))


def _titled(title: str, text: str) -> str:
    return f"## {title}\n{text.strip()}" if text.strip() else ""


def _labelled(label: str, text: str) -> str:
    return f"{label}: {text.strip()}" if text.strip() else ""


def _listed(items: Iterable[str]) -> str:
    """One line each: an entry must not look like a section."""
    return "\n".join(f"- {' '.join(item.split())}" for item in items)


def _lines(items: Iterable[str]) -> str:
    return "\n".join(text for item in items if (text := item.strip()))
