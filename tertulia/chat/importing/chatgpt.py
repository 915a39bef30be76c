"""ChatGPT's export: conversations as a `mapping` of nodes. Pure; `reading` calls it.

The format is nobody's promise: user messages without metadata, the model on the conversation instead of the message,
nodes without `children`, and `parts` that are objects have all been seen. Only `parent` is relied upon.
"""

import re
from collections.abc import Iterator
from typing import Any

from tertulia.chat.importing import shape, trees
from tertulia.chat.importing.shape import Incoming, Notes, Object, Role, Said, object_in

SOURCE = "chatgpt"
_TEXTS = frozenset(("text", "multimodal_text", "code"))
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}
# Citations: private-use signs around names that only ChatGPT's interface can resolve.
_CITATIONS = re.compile(" ?\ue200[^\ue200\ue201]*\ue201|[\ue200-\ue202]")


def is_conversation(value: Object) -> bool:
    """Whether an object is one of these."""
    return isinstance(value.get("mapping"), dict)


def conversation(value: Object) -> Incoming:
    """The neutral shape of one conversation."""
    notes: Notes = Notes()
    model = shape.label(value.get("default_model_slug"), 200)
    told = trees.Told(
        id=value.get("conversation_id") or value.get("id"),
        title=value.get("title"),
        leaf=value.get("current_node"),
        created_at=value.get("create_time"),
        updated_at=value.get("update_time"),
    )
    return trees.incoming(SOURCE, told, _said(value["mapping"], model, notes), notes)


def _said(mapping: Object, model: str, notes: Notes) -> Iterator[Said]:
    for name, node in mapping.items():
        if not isinstance(node, dict):
            continue
        parent = node.get("parent")
        said = _message(object_in(node, "message"), model, notes)
        said.key, said.parent = shape.key(name), shape.key(parent) if isinstance(parent, str) else None
        yield said


def _message(message: Object, model: str, notes: Notes) -> Said:
    metadata, content = object_in(message, "metadata"), object_in(message, "content")
    role = _role(message, metadata, content)
    words = _words(content, notes) if role != "hidden" else ""
    if role == "hidden" or not words.strip():
        # Empty nodes hold the tree together and say nothing: leaving them out is no loss to tell of.
        notes["hidden"] += bool(_words(content, Notes()).strip())
        role = "hidden"
    return Said(
        key="",
        parent=None,
        role=role,
        content=words,
        reasoning=_thoughts(content, notes),
        model=_model(metadata, model) if role == "assistant" else "",
        at=shape.moment(message.get("create_time")),
    )


def _model(metadata: Object, default: str) -> str:
    return shape.label(metadata.get("model_slug"), 200) or default


def _role(message: Object, metadata: Object, content: Object) -> Role:
    """Who speaks; "hidden" for what ChatGPT does not show either: instructions, tools, and what is said to them."""
    role = shape.role(object_in(message, "author").get("role"), _ROLES)
    is_hidden = metadata.get("is_visually_hidden_from_conversation") is True or message.get("weight") == 0
    is_to_tool = message.get("recipient") not in (None, "", "all")
    has_words = str(content.get("content_type", "text")) in _TEXTS
    return "hidden" if is_hidden or is_to_tool or not has_words else role


def _words(content: Object, notes: Notes) -> str:
    parts = content.get("parts")
    found = [_part(part, notes) for part in parts] if isinstance(parts, list) else [content.get("text")]
    words = "\n\n".join(part for part in found if isinstance(part, str) and part)
    return shape.text(_CITATIONS.sub("", words), notes)


def _part(part: Any, notes: Notes) -> str:
    """A part's text; a transcript of what was spoken; or a mark for a picture that stays behind."""
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    for name in ("text", "transcription"):
        if isinstance(part.get(name), str):
            return str(part[name])
    return shape.file_mark(part.get("name"), notes)


def _thoughts(content: Object, notes: Notes) -> str:
    thoughts = shape.objects(content.get("thoughts"))
    texts = [shape.text(each.get("content"), notes) for each in thoughts]
    return shape.text("\n\n".join(filter(None, texts)), notes)
