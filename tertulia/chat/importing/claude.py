"""Claude's export: conversations with `chat_messages`, in a row or, where parents are told, as a tree. Pure; `reading`
calls it.
"""

from collections.abc import Iterator

from tertulia.chat.importing import shape, trees
from tertulia.chat.importing.shape import Incoming, Notes, Object, Role, Said

SOURCE = "claude"
_ROLES: dict[str, Role] = {"human": "user", "assistant": "assistant"}


def is_conversation(value: Object) -> bool:
    """Whether an object is one of these."""
    return isinstance(value.get("chat_messages"), list)


def conversation(value: Object) -> Incoming:
    """The neutral shape of one conversation."""
    notes: Notes = Notes()
    told = trees.Told(
        id=value.get("uuid"),
        title=value.get("name"),
        leaf=value.get("current_leaf_message_uuid"),
        created_at=value.get("created_at"),
        updated_at=value.get("updated_at"),
    )
    return trees.incoming(SOURCE, told, _said(value, notes), notes)


def _said(value: Object, notes: Notes) -> Iterator[Said]:
    messages = shape.objects(value["chat_messages"])
    keys = [
        shape.key(each.get("uuid")) if each.get("uuid") else str(place) for place, each in enumerate(messages)
    ]
    known = set(keys)
    before: str | None = None
    for key, message in zip(keys, messages, strict=True):
        parent = message.get("parent_message_uuid")
        # The first ones name a parent that is in no file; so do all in exports that tell of none.
        named = parent if isinstance(parent, str) and parent in known else None
        yield _message(message, key, named if "parent_message_uuid" in message else before, notes)
        before = key


def _message(message: Object, key: str, parent: str | None, notes: Notes) -> Said:
    blocks = shape.objects(message.get("content"))
    words = _words(message, blocks, notes)
    role = shape.role(message.get("sender"), _ROLES)
    notes["hidden"] += role == "hidden" and bool(words)
    thoughts = [shape.text(each.get("thinking"), notes) for each in blocks]
    return Said(
        key=key,
        parent=parent,
        role=role if words.strip() else "hidden",
        content=words,
        reasoning=shape.text("\n\n".join(filter(None, thoughts)), notes),
        at=shape.moment(message.get("created_at")),
    )


def _words(message: Object, blocks: list[Object], notes: Notes) -> str:
    """What was said, then what was enclosed. `text` is the older place, and holds notices for what is no text."""
    texts = [
        each["text"] for each in blocks if each.get("type") == "text" and isinstance(each.get("text"), str)
    ]
    words = "\n\n".join(text for text in texts if text) or message.get("text")
    enclosed = [
        shape.file_mark(each.get("file_name"), notes)
        for name in ("attachments", "files", "files_v2")
        for each in shape.objects(message.get(name))
    ]
    return "\n\n".join(filter(None, [shape.text(words, notes), *dict.fromkeys(enclosed)]))
