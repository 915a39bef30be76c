"""The system text of an instance, and the macros in it."""

from dataclasses import dataclass

import pytest

from tertulia.characters import macros, prompt
from tertulia.characters.lorebook import Lore
from tertulia.characters.prompt import Section


@dataclass
class Character:
    name: str = "Mira"
    nickname: str = ""
    description: str = ""
    personality: str = ""
    scenario: str = ""
    example_dialogue: str = ""
    system_prompt: str = "Be {{char}}."
    post_history_instructions: str = ""


@dataclass
class Instance:
    name: str = "Mira"
    memory: str = ""


FULL = Character(
    description="{{char}} keeps bees for {{user}}.",
    personality="Calm.",
    scenario="A meadow.",
    example_dialogue="<START>\n{{user}}: Hi\n{{char}}: Hello\n<START>\n{{user}}: Bye",
    post_history_instructions="Stay {{char}}.",
)
LORE = [
    Lore("Old lore.", "", True, True),
    Lore("Constant.", "", True, False),
    Lore("Awake.", "", False, True),
]


def test_the_whole_text_in_its_order() -> None:
    instance = Instance("Mira", "{{user}} likes honey.")
    assert prompt.system_text(FULL, instance, "Ana", ["Ana has\na dog.", "It rained."], LORE) == (
        "Be Mira.\n\n"
        "Old lore.\n\n"
        "## Who Mira is\nMira keeps bees for Ana.\nPersonality: Calm.\nScenario: A meadow.\n\n"
        "Constant.\n\n"
        "## How Mira speaks\nAna: Hi\nMira: Hello\n\nAna: Bye\n\n"
        "## What Mira remembers\nAna likes honey.\n\n"
        "## What matters now\nAwake.\n\n"
        "## Notes from earlier conversations\n- Ana has a dog.\n- It rained."
    )
    assert prompt.closing_text(FULL, instance, "Ana") == "Stay Mira."


def test_what_changes_from_turn_to_turn_comes_last() -> None:
    instance = Instance("Mira", "m")
    one = prompt.system_text(FULL, instance, "Ana", ["a"], LORE[:2])
    two = prompt.system_text(FULL, instance, "Ana", ["b"], LORE)
    stable = prompt.system_text(FULL, instance, "Ana", [], LORE[:2])
    assert one.startswith(stable)
    assert two.startswith(stable)


def test_a_bare_character_has_a_default_system_text() -> None:
    text = prompt.system_text(Character(system_prompt=""), None, "Ana", [], [])
    assert text.startswith("You are Mira, in conversation with Ana.")
    assert "##" not in text


def test_a_card_may_quote_the_default_it_replaces() -> None:
    text = prompt.system_text(Character(system_prompt="{{original}} Rhyme."), None, "Ana", [], [])
    assert text.startswith("You are Mira, in conversation with Ana.")
    assert text.endswith(" Rhyme.")


@pytest.mark.parametrize(
    ("nickname", "instance", "expected"),
    [
        ("", None, "Mira"),
        ("Mimi", None, "Mimi"),
        ("Mimi", Instance("Mira"), "Mimi"),
        ("Mimi", Instance("Mira of the south"), "Mira of the south"),
    ],
)
def test_the_name_that_is_spoken(nickname: str, instance: Instance | None, expected: str) -> None:
    assert prompt.spoken_name(Character(nickname=nickname), instance) == expected


def test_what_does_not_fit_goes_by_rank_and_is_named() -> None:
    parts = [
        Section("system", "s" * 400, 0),
        Section("memory", "m" * 400, 1),
        Section("examples", "e" * 400, 5),
        Section("entries", "n" * 400, 3),
    ]
    assert prompt.fitted(parts, 10_000) == (parts, [])
    kept, left_out = prompt.fitted(parts, 310)
    assert ([part.name for part in kept], left_out) == (["system", "memory", "entries"], ["examples"])
    kept, left_out = prompt.fitted(parts, 10)
    assert ([part.name for part in kept], left_out) == (["system", "memory"], ["examples", "entries"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{char}} and {{user}}", "{{user}} and Ana"),
        ("{{ CHAR }} <USER> <bot>", "{{user}} Ana {{user}}"),
        ("a{{// a note }}b", "ab"),
        ("{{random:a,b}} {{time}}", "{{random:a,b}} {{time}}"),
        ("{{char", "{{char"),
    ],
)
def test_macros_are_replaced_in_one_pass(text: str, expected: str) -> None:
    assert macros.expanded(text, char="{{user}}", user="Ana") == expected


def test_examples_are_kept_apart() -> None:
    assert macros.examples("intro\n<START>\na\n  <start>\nb\n<START>") == ["intro", "a", "b"]
    assert macros.examples("a <START> b") == ["a <START> b"]
