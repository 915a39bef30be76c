"""Exports of other programs, written for the tests: small, and shaped like what their users get."""

import io
import json
import zipfile
from typing import Any

Node = dict[str, Any]

BEGAN = 1_700_000_000.5
STEP = 60.0


def zipped(files: dict[str, Any]) -> bytes:
    """A zip of files by name; what is not bytes becomes JSON."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return target.getvalue()


# --- ChatGPT --------------------------------------------------------------------------------------------------------


def node(
    id: str, parent: str | None, role: str = "", text: Any = "", number: int = 0, **message: Any
) -> tuple[str, Node]:
    """A node of a mapping; without a role one that only holds the tree together. Children are never told."""
    if not role:
        return id, {"id": id, "message": None, "parent": parent}
    parts = text if isinstance(text, list) else [text]
    return id, {
        "id": id,
        "parent": parent,
        "message": {
            "id": id,
            "author": {"role": role},
            "create_time": BEGAN + number * STEP,
            "content": {"content_type": "text", "parts": parts},
            **message,
        },
    }


def chatgpt(
    *nodes: tuple[str, Node], id: str = "c-1", current: str | None = None, **changes: Any
) -> dict[str, Any]:
    """A conversation of ChatGPT; without nodes one with a tool at work, a picture, an answer asked for again."""
    nodes = nodes or (
        node("root", None),
        node("sys", "root", "system", "", metadata={"is_visually_hidden_from_conversation": True}),
        node("u1", "sys", "user", "What is a tertulia?", 1),
        node("a1", "u1", "assistant", "A gathering.", 2, metadata={"model_slug": "gpt-4o"}),
        node("a2", "u1", "assistant", "A meeting of friends who talk.", 3, metadata={"model_slug": "gpt-5"}),
        node("u2", "a2", "user", [{"content_type": "image_asset_pointer", "asset_pointer": "x"}, "And this?"], 4),
        node(
            "t1", "u2", "assistant", "", 5,
            content={"content_type": "thoughts", "thoughts": [{"content": "Let me look."}]},
        ),
        node("t2", "t1", "assistant", "search('x')", 6, recipient="browser"),
        node("t3", "t2", "tool", "found it", 7),
        node("a3", "t3", "assistant", "A café,", 8, metadata={"model_slug": "gpt-5"}),
        node("a4", "a3", "assistant", "in Madrid.", 9),
    )  # fmt: skip
    return {
        "title": "Tertulias",
        "create_time": BEGAN,
        "update_time": BEGAN + 10 * STEP,
        "mapping": dict(nodes),
        "current_node": current or nodes[-1][0],
        "conversation_id": id,
        **changes,
    }


# --- Others ---------------------------------------------------------------------------------------------------------


def claude(id: str = "k-1", **changes: Any) -> dict[str, Any]:
    """A conversation of Claude: thoughts, a tool and an attachment."""
    return {
        "uuid": id,
        "name": "Bees",
        "created_at": "2025-03-01T10:00:00.000000Z",
        "updated_at": "2025-03-01T10:05:00.000000Z",
        "account": {"uuid": "somebody"},
        "chat_messages": [
            {
                "uuid": "m1", "sender": "human", "text": "How do bees talk?", "created_at": "2025-03-01T10:00:00Z",
                "content": [{"type": "text", "text": "How do bees talk?"}],
                "attachments": [{"file_name": "bees.pdf", "extracted_content": "…"}], "files": [],
            },
            {
                "uuid": "m2", "sender": "assistant", "text": "They dance.", "created_at": "2025-03-01T10:01:00Z",
                "content": [
                    {"type": "thinking", "thinking": "A waggle."},
                    {"type": "tool_use", "name": "web"},
                    {"type": "text", "text": "They dance."},
                ],
                "attachments": [], "files": [],
            },
        ],
        **changes,
    }  # fmt: skip


def open_webui(id: str = "w-1", **changes: Any) -> dict[str, Any]:
    """A chat of Open WebUI: two answers, thoughts in the markup of the first."""
    thought = '<details type="reasoning" done="true" duration="2">\n<summary>Thought</summary>\n&gt; Hm.\n</details>\n'
    messages = {
        "1": {"id": "1", "parentId": None, "childrenIds": ["2", "3"], "role": "user", "content": "Why is it blue?",
              "timestamp": 1_720_000_000},
        "2": {"id": "2", "parentId": "1", "childrenIds": [], "role": "assistant", "content": f"{thought}Rayleigh.",
              "model": "llama3", "timestamp": 1_720_000_010},
        "3": {"id": "3", "parentId": "1", "childrenIds": [], "role": "assistant", "content": "The air scatters.",
              "model": "llama3", "timestamp": 1_720_000_020},
    }  # fmt: skip
    return {
        "id": id,
        "chat": {"title": "The sky", "history": {"currentId": "2", "messages": messages}},
        "created_at": 1_720_000_000,
        "updated_at": 1_720_000_020,
        **changes,
    }


def silly_tavern(*lines: dict[str, Any], name: str = "Mira") -> bytes:
    """A chat of SillyTavern: a greeting, the user's words, an answer with another swipe."""
    head = {"user_name": "Ana", "character_name": name, "create_date": "2023-6-12 @14h 31m 12s 345ms"}
    body = lines or (
        {"name": name, "is_user": False, "send_date": "June 12, 2023 2:31pm", "mes": "The kettle is on."},
        {"name": "Ana", "is_user": True, "send_date": "June 12, 2023 2:32pm", "mes": "Tea, please."},
        {"name": name, "is_user": False, "send_date": "2023-06-12T14:33:00Z", "mes": "Green or black?",
         "swipes": ["Milk?", "Green or…"], "swipe_id": 1, "extra": {"reasoning": "Ask."}},
    )  # fmt: skip
    return "\n".join(json.dumps(line) for line in (head, *body)).encode()


# --- Our own --------------------------------------------------------------------------------------------------------

# What an import makes anew, on purpose: who may see it, its address, and what is computed.
_MADE_ANEW = {
    "characters.Character": ("owner_id", "slug", "visibility", "picture", "search"),
    "characters.Instance": ("owner_id",),
    "characters.MemoryEntry": ("id", "last_used_at"),
    "characters.MemorySource": ("id", "entry_id"),
    "chat.Conversation": ("user_id", "memory_due_at"),
    "chat.Message": ("user_id",),
}


def canonical(archive: bytes) -> dict[str, list[str]]:
    """What an export of ours says of all that an import brings back, in an order of its own.

    Characters that are nobody's own go by their address: every instance has starters with ids of its own.
    """
    tables: dict[str, list[dict[str, Any]]] = {table: [] for table in _MADE_ANEW}
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        slugs = {row["id"]: row["slug"] for row in json.loads(opened.read("characters.Reference.json"))}
        for name in opened.namelist():
            table = ".".join(name.split(".")[:2])
            if table in tables:
                tables[table] += json.loads(opened.read(name))
    for row in tables["characters.Instance"]:
        row["character_id"] = slugs.get(row["character_id"], row["character_id"])
    return {table: sorted(_plain(row, _MADE_ANEW[table]) for row in rows) for table, rows in tables.items()}


def _plain(row: dict[str, Any], without: tuple[str, ...]) -> str:
    return json.dumps({name: value for name, value in row.items() if name not in without}, sort_keys=True)
