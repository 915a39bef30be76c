"""The readers of foreign formats, without a database: whatever a file holds, what comes out keeps its promises."""

import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tertulia.chat.importing import documents, reading, shape
from tertulia.chat.importing.archives import Refused
from tertulia.chat.importing.shape import Fault, Incoming
from tests.chat import exports


def read(file: bytes) -> list[Incoming | Fault]:
    with reading.opened(io.BytesIO(file)) as opened:
        if opened.scratch:
            list(opened.gather())
        return list(opened.conversations())


def check(incoming: Incoming) -> None:
    """What `storing` relies upon."""
    seen: set[str | None] = {None}
    roles: dict[str | None, str] = {None: ""}
    for each in incoming.said:
        assert each.parent in seen
        assert each.key not in seen
        assert each.role in ("user", "assistant", "system")
        assert (each.role, roles[each.parent]) != ("assistant", "assistant") or incoming.source == "tertulia"
        assert len(each.content) <= shape.MAX_TEXT
        seen.add(each.key)
        roles[each.key] = each.role
    texts = [incoming.title, incoming.key, incoming.greeting, *(each.content for each in incoming.said)]
    assert "\0" not in "".join(texts)
    "".join([*texts, *(each.reasoning + each.model for each in incoming.said)]).encode()
    assert 0 < len(incoming.key) <= shape.MAX_KEY


# --- Anything at all ------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["mapping", "message", "parent", "author", "role", "content", "parts", "content_type", "text", "thoughts", "title",
     "metadata", "create_time", "current_node", "id", "chat_messages", "sender", "uuid", "human", "assistant", "user",
     "created_at", "files", "chat", "history", "messages", "currentId", "parentId", "mes", "is_user", "swipes",
     "swipe_id", "swipe_info", "send_date", "character_name", "extra", "chat_metadata", "all", "2023-13-45 @99h 0m 0s"]
)  # fmt: skip
SCALARS = st.one_of(
    WORDS,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.just("\ud800\0"),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)
FRAMES = st.one_of(
    st.fixed_dictionaries({"mapping": st.dictionaries(WORDS, VALUES)}, optional={"title": VALUES, "id": VALUES}),
    st.fixed_dictionaries({"chat_messages": st.lists(VALUES)}, optional={"name": VALUES, "uuid": VALUES}),
    st.fixed_dictionaries({"history": st.fixed_dictionaries({"messages": st.dictionaries(WORDS, VALUES)})}),
    st.fixed_dictionaries({"character_name": st.text(max_size=5)}, optional={"create_date": VALUES}),
    st.fixed_dictionaries(
        {"mes": st.text(max_size=5), "is_user": VALUES}, optional={"swipes": VALUES, "swipe_id": VALUES}
    ),
    VALUES,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FRAMES, max_size=5), st.booleans())
def test_any_json_is_read_without_a_fault_of_ours(values: list[Any], in_lines: bool) -> None:
    text = "\n".join(map(json.dumps, values)) if in_lines else json.dumps(values)
    for each in read(text.encode()):
        if isinstance(each, Incoming):
            check(each)


@given(st.binary(max_size=200), st.integers(0, 2_000))
def test_any_bytes_are_read_without_a_fault_of_ours(noise: bytes, at: int) -> None:
    for good in (json.dumps([exports.chatgpt()]).encode(), exports.zipped({"c.json": [exports.claude()]})):
        spoilt = good[:at] + noise + good[at:]
        try:
            found = read(spoilt)
        except Refused:
            continue
        for each in found:
            if isinstance(each, Incoming):
                check(each)


# --- Documents ------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=5),
    st.integers(1, 50),
    st.booleans(),
)
def test_items_are_found_wherever_chunks_are_cut(values: list[Any], chunk: int, in_lines: bool) -> None:
    text = "\n".join(map(json.dumps, values)) if in_lines else json.dumps(values, indent=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "CHUNK", chunk)
        assert list(documents.values(io.BytesIO(text.encode()))) == values


def told(file: bytes) -> list[Any]:
    return [
        str(each.reason) if isinstance(each, Fault) else each for each in documents.values(io.BytesIO(file))
    ]


def test_an_item_beyond_the_limits_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_ITEM", 1_000)
    monkeypatch.setattr(documents, "MAX_PARTS", 100)
    long, many = json.dumps({"a": "x" * 2_000}), json.dumps({"a": [[]] * 200})
    deep = '{"a":' * 300 + "1" + "}" * 300
    assert told(f'[{{"b": 1}}, {long}, {many}, {deep}, {{"b": 2}}]'.encode()) == [
        {"b": 1}, "It has more than 1000 bytes.", *["It has more than 100 parts."] * 2, {"b": 2},
    ]  # fmt: skip


def test_nesting_is_refused_before_it_is_parsed() -> None:
    assert told(b"[" + b'{"a":' * 300 + b"1" + b"}" * 300 + b"]") == ["It is not valid JSON."]


def test_numbers_that_are_none_stay_out() -> None:
    assert told(b'[{"a": NaN}, {"a": 1e999}, {"a": 1}]') == [
        "It is not valid JSON.",
        "It is not valid JSON.",
        {"a": 1},
    ]


def test_citations_that_lead_nowhere_are_left_out() -> None:
    found = shown(
        exports.node("u", None, "user", "So it is \ue200cite\ue202turn0search0\ue201, \ue200they say.")
    )
    assert pairs(found) == [("So it is, they say.", None)]


def test_a_string_that_never_ends() -> None:
    assert told(b'[{"a": "' + b"x" * 1_000_000) == [
        "The file ends in the middle of something: it is not complete."
    ]


# --- Trees ----------------------------------------------------------------------------------------------------------


def shown(*nodes: Any, current: str | None = None) -> Incoming:
    [found] = read(json.dumps([exports.chatgpt(*nodes, current=current)]).encode())
    assert isinstance(found, Incoming)
    check(found)
    return found


def pairs(incoming: Incoming) -> list[tuple[str, str | None]]:
    return [(each.content, each.parent) for each in incoming.said]


def test_an_answer_in_several_messages_becomes_one() -> None:
    found = shown(
        exports.node("u", None, "user", "Q"),
        exports.node("a", "u", "assistant", "A"),
        exports.node("t", "a", "tool", "…"),
        exports.node("b", "t", "assistant", "B"),
        exports.node("v", "b", "user", "R"),
        current="b",
    )
    assert pairs(found) == [("Q", None), ("A\n\nB", "u"), ("R", "a")]
    assert found.leaf == "a"


def test_an_answer_that_goes_on_in_two_ways_stands_beside_both() -> None:
    found = shown(
        exports.node("u", None, "user", "Q"),
        exports.node("a", "u", "assistant", "A"),
        exports.node("b", "a", "assistant", "B"),
        exports.node("c", "a", "assistant", "C"),
        current="c",
    )
    assert pairs(found) == [("Q", None), ("A", "u"), ("B", "u"), ("C", "u")]
    assert found.leaf == "c"


def test_first_words_are_a_greeting() -> None:
    found = shown(
        exports.node("a", None, "assistant", "Hello."),
        exports.node("b", None, "assistant", "Good day."),
        exports.node("u", "b", "user", "Hi."),
    )
    assert (found.greeting, pairs(found), found.notes["greetings"]) == ("Good day.", [("Hi.", None)], 1)


def test_a_long_chain_of_hidden_thoughts_takes_linear_time() -> None:
    """20,000 messages: quadratic work would take minutes."""
    thoughts = {"content_type": "thoughts", "thoughts": [{"content": "x" * 100}]}
    chain = [exports.node("0", None, "user", "Q")]
    chain += [exports.node(str(n), str(n - 1), "assistant", "", content=thoughts) for n in range(1, 20_000)]
    chain += [exports.node(f"a{n}", str(n), "assistant", "A") for n in range(1, 20_000)]
    found = shown(*chain)
    assert len(found.said) == 20_000


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (1_700_000_000, "2023-11-14T22:13:20+00:00"),
        (1_700_000_000_000, "2023-11-14T22:13:20+00:00"),
        ("2025-03-01T10:00:00Z", "2025-03-01T10:00:00+00:00"),
        ("2025-03-01T10:00:00+09:00", "2025-03-01T01:00:00+00:00"),
        ("2025-03-01", "2025-03-01T00:00:00+00:00"),
        (0, None), (-5e20, None), (1e300, None), ("soon", None), (None, None), ([], None), ("x" * 99, None),
    ],
)  # fmt: skip
def test_times(written: Any, meant: str | None) -> None:
    found = shape.moment(written)
    assert (found and found.isoformat()) == meant
