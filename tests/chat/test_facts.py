"""How the answer of a model that notes facts is read: what is no fact of one of the messages is passed over."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.characters.remembering import Fact
from tertulia.chat.generation import facts
from tertulia.core.ids import uuid7

READ = [uuid7(), uuid7()]
KNOWN = [uuid7()]
DOG = Fact("The dog is called Bruno.", READ[0])
DOG_LINE = json.dumps({"fact": DOG.text, "source": 1})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DOG_LINE, [DOG]),
        (f"Here they are:\n- {DOG_LINE},\nThat is all.", [DOG]),
        (f"```json\n{DOG_LINE}\n```", [DOG]),
        (f"[{DOG_LINE}]", [DOG]),
        (f'{DOG_LINE}\n{{"fact": "Second.", "source": "[2]"}}', [DOG, Fact("Second.", READ[1])]),
        ('{"known": 1, "source": 2}', [Fact("", READ[1], KNOWN[0])]),
        ('{"known": "K1", "source": 2}', [Fact("", READ[1], KNOWN[0])]),
        ("none", []),
        ("", []),
        ('{"fact": "No source."}', []),
        ('{"fact": "Beyond.", "source": 3}', []),
        ('{"fact": "Zero.", "source": 0}', []),
        ('{"fact": "Negative.", "source": -1}', []),
        ('{"fact": "Part.", "source": 1.5}', []),
        ('{"fact": "  ", "source": 1}', []),
        ('{"fact": ["a"], "source": 1}', []),
        ('{"known": 2, "source": 1}', []),
        ('{"known": true, "source": 1}', []),
        ("[" * 100_000, []),
        ('"text"', []),
    ],
)
def test_an_answer_is_read(text: str, expected: list[Fact]) -> None:
    assert facts.parsed(text, READ, KNOWN) == expected


def test_a_model_that_runs_wild_is_cut() -> None:
    assert len(facts.parsed("\n".join([DOG_LINE] * 1_000), READ, KNOWN)) == facts.MOST_FACTS


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert isinstance(facts.parsed(text, READ, KNOWN), list)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["fact", "known", "source", "x"]), inner)
        ),
    )
)
def test_any_json_is_read(value: object) -> None:
    assert all(fact.message_id in READ for fact in facts.parsed(json.dumps(value), READ, KNOWN))


def test_what_is_asked_is_numbered() -> None:
    system, user = facts.request_messages(
        "Mira", "Ana", ["Ana has\na dog."], [("user", "I {like} bees."), ("assistant", "x" * 9_000)]
    )
    assert (system.role, user.role) == ("system", "user")
    assert system.content.startswith("You keep the memory of Mira, who talks with Ana.")
    assert user.content == (
        "Remembered already:\nK1. Ana has a dog.\n\nMessages:\n[1] Ana: I {like} bees.\n"
        f"[2] Mira: {'x' * facts.LONGEST_MESSAGE}"
    )
