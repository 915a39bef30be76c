"""Open WebUI's export: chats with a `history` of messages by id. Pure; `reading` calls it."""

import html
import re
from collections.abc import Iterator

from tertulia.chat.importing import shape, trees
from tertulia.chat.importing.shape import Incoming, Notes, Object, Role, Said, object_in

SOURCE = "openwebui"
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}
# Where the thoughts of a model stand: markup in the answer's own text, every line quoted, signs as entities.
_OPENING, _CLOSING = '<details type="reasoning"', "</details>"
_SUMMARY = re.compile(r"\s*<summary>[^<]*</summary>")
_QUOTED = re.compile(r"^> ?", re.MULTILINE)


def is_conversation(value: Object) -> bool:
    """Whether an object is one of these, or a chat by itself as older exports have them."""
    return isinstance(_messages(value), dict)


def conversation(value: Object) -> Incoming:
    """The neutral shape of one chat."""
    notes: Notes = Notes()
    chat, messages = _chat(value), _messages(value)
    assert isinstance(messages, dict)
    told = trees.Told(
        id=value.get("id") or chat.get("id"),
        title=chat.get("title") or value.get("title"),
        leaf=object_in(chat, "history").get("currentId"),
        created_at=value.get("created_at") or chat.get("timestamp"),
        updated_at=value.get("updated_at"),
    )
    return trees.incoming(SOURCE, told, _said(messages, notes), notes)


def _chat(value: Object) -> Object:
    return object_in(value, "chat") or value


def _messages(value: Object) -> object:
    return object_in(_chat(value), "history").get("messages")


def _said(messages: Object, notes: Notes) -> Iterator[Said]:
    for name, message in messages.items():
        if isinstance(message, dict):
            parent = message.get("parentId")
            yield _message(
                message, shape.key(name), shape.key(parent) if isinstance(parent, str) else None, notes
            )


def _message(message: Object, key: str, parent: str | None, notes: Notes) -> Said:
    said = message.get("content")
    text, thoughts = _parted(said if isinstance(said, str) else "")
    files = [shape.file_mark(each.get("name"), notes) for each in shape.objects(message.get("files"))]
    words = "\n\n".join(filter(None, [shape.text(text, notes).strip(), *files]))
    role = shape.role(message.get("role"), _ROLES)
    notes["hidden"] += role == "hidden" and bool(words)
    return Said(
        key=key,
        parent=parent,
        role=role if words else "hidden",
        content=words,
        reasoning=shape.text(thoughts, notes),
        model=shape.label(message.get("model"), 200) if role == "assistant" else "",
        at=shape.moment(message.get("timestamp")),
    )


def _parted(text: str) -> tuple[str, str]:
    """The words of an answer, and the thoughts that stood in them."""
    words, thoughts, position = [], [], 0
    while (begin := text.find(_OPENING, position)) >= 0 and (end := text.find(_CLOSING, begin)) >= 0:
        words.append(text[position:begin])
        inside = _SUMMARY.sub("", text[begin:end].partition(">")[2], count=1)
        thoughts.append(_QUOTED.sub("", html.unescape(inside)).strip())
        position = end + len(_CLOSING)
    return "".join([*words, text[position:]]), "\n\n".join(thoughts)
