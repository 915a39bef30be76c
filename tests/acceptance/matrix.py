"""Who may do what, as one table: every method of every address. `items.authorization` compares it with the server's
own list of addresses and with the OpenAPI document; an address that is missing here fails.

Names in braces stand for objects that belong to Alice. The status is that of whom the rule lets in.
"""

from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """Whom a cell lets in; everybody else gets 401 without a valid login, 404 for what is not theirs, 403 for rank."""

    PUBLIC = "anybody"
    VISITOR = "anybody, but what is sent as a credential must be one"
    MEMBER = "any signed-in person, about what is theirs"
    OWNER = "the owner of the object; for others it does not exist"
    READER = "any signed-in person, also about another's object"
    AUTHOR = "the author; others may see that it exists (403)"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Row:
    method: str
    path: str
    rule: Rule
    status: int
    body: object = None
    form: bool = False


def _rows(path: str, *cells: tuple[object, ...]) -> tuple[Row, ...]:
    return tuple(Row(str(cell[0]), path, *cell[1:]) for cell in cells)  # type: ignore[arg-type]


_ANYBODY, _MEMBER, _OWNER, _READER = Rule.PUBLIC, Rule.MEMBER, Rule.OWNER, Rule.READER

_SAY = {"content": "A word."}
_ASK = {"model": "scripted-small", "messages": [{"role": "user", "content": "A word."}]}

API = (
    *_rows("/healthz", ("GET", _ANYBODY, 200)),
    *_rows("/readyz", ("GET", _ANYBODY, 200)),
    *_rows("/metrics", ("GET", _ANYBODY, 404)),  # no token is set here
    # Accounts
    *_rows("/accounts/join", ("GET", _ANYBODY, 200), ("POST", _ANYBODY, 400, {})),
    *_rows("/accounts/login", ("GET", _ANYBODY, 200), ("POST", _ANYBODY, 400, {})),
    *_rows("/accounts/refresh", ("POST", _ANYBODY, 400, {})),
    *_rows("/accounts/logout", ("GET", _MEMBER, 204), ("POST", _MEMBER, 204)),
    *_rows(
        "/accounts/profile",
        ("GET", _MEMBER, 200),
        ("PUT", _MEMBER, 200, {"nickname": "Another"}),
        ("DELETE", _MEMBER, 400, {}),
    ),
    *_rows("/accounts/login/code", ("POST", _ANYBODY, 400, {})),
    *_rows("/accounts/reset", ("POST", _ANYBODY, 400, {})),
    *_rows("/accounts/reset/{token}", ("POST", _ANYBODY, 400, {})),
    *_rows("/accounts/confirm/{token}", ("POST", _ANYBODY, 404, {})),
    *_rows("/accounts/export", ("GET", _MEMBER, 200)),
    # Social sign-in, which no provider is configured for here
    *_rows("/accounts/connections", ("GET", _MEMBER, 200)),
    *_rows("/accounts/{provider}/login", ("GET", _ANYBODY, 404)),
    *_rows("/accounts/{provider}/token", ("POST", _ANYBODY, 400, {"code": "x", "state": "x"})),
    *_rows(
        "/accounts/{provider}/link",
        ("POST", _MEMBER, 400, {"code": "x", "state": "x"}),
        ("DELETE", _MEMBER, 404),
    ),
    # Keys and logins
    *_rows("/api/keys", ("GET", _MEMBER, 200), ("POST", _MEMBER, 201, {"name": "A key"})),
    *_rows("/api/keys/{key_id}", ("DELETE", _OWNER, 204)),
    *_rows("/api/sessions", ("GET", _MEMBER, 200), ("DELETE", _MEMBER, 204)),
    *_rows("/api/sessions/{login_id}", ("DELETE", _MEMBER, 404)),  # an id that nobody has
    # Flat exchanges, prompts, messages
    *_rows("/chat", ("GET", _MEMBER, 200), ("POST", _MEMBER, 201, _SAY), ("DELETE", _MEMBER, 204)),
    *_rows("/chat/{exchange_id}", ("GET", _OWNER, 200), ("DELETE", _OWNER, 204)),
    *_rows("/api/messages", ("GET", _MEMBER, 200)),
    *_rows("/api/messages/create", ("POST", _MEMBER, 201, {"prompt_message": "A word."})),
    *_rows(
        "/api/messages/{message_id}",
        ("GET", _OWNER, 200),
        ("PATCH", _OWNER, 200, {"feedback": "up"}),
        ("DELETE", _OWNER, 409),  # an answer goes with its question
    ),
    *_rows("/api/messages/{message_id}/regenerate", ("POST", _OWNER, 201, {})),
    *_rows("/api/import", ("POST", _MEMBER, 400, None, True)),
    # Speech
    *_rows("/api/messages/{message_id}/speech", ("GET", _OWNER, 200)),
    *_rows("/api/messages/{message_id}/speech/{part}", ("GET", _OWNER, 200)),
    *_rows("/api/speech", ("POST", _MEMBER, 200, {"input": "A word."})),
    *_rows("/api/transcriptions", ("POST", _MEMBER, 400, None, True)),
    # Conversations and runs
    *_rows("/api/conversations", ("GET", _MEMBER, 200), ("POST", _MEMBER, 201, {})),
    *_rows(
        "/api/conversations/{conversation_id}",
        ("GET", _OWNER, 200),
        ("PATCH", _OWNER, 200, {"title": "Another"}),
        ("DELETE", _OWNER, 204),
    ),
    *_rows(
        "/api/conversations/{conversation_id}/messages",
        ("GET", _OWNER, 200),
        ("POST", _OWNER, 201, _SAY),
    ),
    *_rows("/api/search", ("GET", _MEMBER, 400)),  # nothing is asked for
    *_rows("/api/generations/{generation_id}", ("GET", _OWNER, 200)),
    *_rows("/api/generations/{generation_id}/events", ("GET", _OWNER, 200)),
    *_rows("/api/generations/{generation_id}/stop", ("POST", _OWNER, 200)),
    # What there is
    *_rows("/api/models", ("GET", _MEMBER, 200)),
    *_rows("/api/usage", ("GET", _MEMBER, 200)),
    *_rows("/api/usage/speech", ("GET", _MEMBER, 200)),
    *_rows("/api/usage/ledger", ("GET", _MEMBER, 200)),
    *_rows("/api/schema", ("GET", _ANYBODY, 200)),
    *_rows("/api/docs", ("GET", _ANYBODY, 200)),
    # The facade
    *_rows("/v1/models", ("GET", _MEMBER, 200)),
    *_rows("/v1/models/{model_id}", ("GET", _MEMBER, 200)),
    *_rows("/v1/chat/completions", ("POST", _MEMBER, 200, _ASK)),
    *_rows("/v1/audio/speech", ("POST", _MEMBER, 200, {"model": "tts-1", "input": "A word."})),
    *_rows("/v1/audio/transcriptions", ("POST", _MEMBER, 400, None, True)),
    *_rows("/v1/{rest}", ("GET", Rule.VISITOR, 404), ("POST", Rule.VISITOR, 404)),
    # Characters
    *_rows("/api/characters", ("GET", _MEMBER, 200), ("POST", _MEMBER, 201, {"name": "Another"})),
    *_rows("/api/characters/import", ("POST", _MEMBER, 400, None, True)),
    *_rows(
        "/api/characters/{reference}",
        ("GET", _OWNER, 200),
        ("PATCH", _OWNER, 200, {"description": "Another."}),
        ("DELETE", _OWNER, 204),
    ),
    *_rows("/api/characters/{reference}/duplicate", ("POST", _OWNER, 201)),
    *_rows("/api/characters/{reference}/card", ("GET", _OWNER, 200)),
    *_rows(
        "/api/characters/{reference}/picture",
        ("GET", _OWNER, 404),
        ("PUT", _OWNER, 400, None, True),
        ("DELETE", _OWNER, 204),
    ),
    # Instances
    *_rows("/api/instances", ("GET", _MEMBER, 200), ("POST", _MEMBER, 400, {})),
    *_rows(
        "/api/instances/{instance_id}",
        ("GET", _OWNER, 200),
        ("PATCH", _OWNER, 200, {"memory": "Another."}),
        ("DELETE", _OWNER, 204),
    ),
    *_rows("/api/instances/{instance_id}/prompt", ("GET", _OWNER, 200)),
    *_rows(
        "/api/instances/{instance_id}/entries",
        ("GET", _OWNER, 200),
        ("POST", _OWNER, 201, {"text": "Another."}),
    ),
    *_rows(
        "/api/instances/{instance_id}/entries/{entry_id}",
        ("GET", _OWNER, 200),
        ("PATCH", _OWNER, 200, {"text": "Another."}),
        ("DELETE", _OWNER, 204),
    ),
    # Quotes
    *_rows("/quote", ("GET", _MEMBER, 200), ("POST", _MEMBER, 201, {"content": "Another line, {number}."})),
    *_rows(
        "/quote/{quote_id}",
        ("GET", _READER, 200),
        ("PUT", Rule.AUTHOR, 201, {"content": "A better line, {number}."}),
        ("DELETE", Rule.AUTHOR, 204),
    ),
    *_rows(
        "/quote/{quote_id}/report",
        ("POST", _READER, 201, {"reason": "A reason."}),
        ("DELETE", Rule.STAFF, 204),
    ),
    *_rows("/quote/similar", ("POST", _MEMBER, 200, {"content": "Another line, {number}."})),
    *_rows("/quote/news", ("GET", _MEMBER, 200), ("DELETE", _MEMBER, 204)),
    *_rows("/quote/reports", ("GET", Rule.STAFF, 200)),
    *_rows("/quote/apply", ("POST", Rule.STAFF, 200, {"ids": [1]})),
    *_rows("/quote/import", ("POST", Rule.STAFF, 400, None, True)),
)

# Pages, by cookie: a visitor is sent to the sign-in page.
PAGES = (
    *_rows("/", ("GET", _MEMBER, 200)),
    *_rows("/send", ("POST", _MEMBER, 303, {"content": "A word."})),
    *_rows("/search", ("GET", _MEMBER, 200)),
    *_rows("/c/{conversation_id}", ("GET", _OWNER, 200)),
    *_rows("/c/{conversation_id}/send", ("POST", _OWNER, 303, {"content": "A word."})),
    *_rows(
        "/c/{conversation_id}/edit", ("POST", _OWNER, 303, {"message": "{exchange_id}", "content": "A word."})
    ),
    *_rows("/c/{conversation_id}/regenerate", ("POST", _OWNER, 303, {"message": "{message_id}"})),
    *_rows("/c/{conversation_id}/stop", ("POST", _OWNER, 303, {})),
    *_rows(
        "/c/{conversation_id}/feedback", ("POST", _OWNER, 303, {"message": "{message_id}", "feedback": "up"})
    ),
    *_rows("/c/{conversation_id}/rename", ("POST", _OWNER, 303, {"title": "Another"})),
    *_rows("/c/{conversation_id}/delete", ("POST", _OWNER, 303, {"confirm": "yes"})),
    *_rows("/accounts/link/{token}", ("GET", _ANYBODY, 404)),
    *_rows("/accounts/{provider}/login/callback", ("GET", _ANYBODY, 404)),
    *_rows("/accounts/security", ("GET", _MEMBER, 200)),
    *_rows("/accounts/security/authenticator", ("POST", _MEMBER, 303)),
    *_rows("/accounts/security/passkey", ("GET", _MEMBER, 200)),
    *_rows("/accounts/login/passkey", ("GET", _ANYBODY, 200)),
    *_rows("/accounts/usage", ("GET", _MEMBER, 200)),
    *_rows("/accounts/data", ("GET", _MEMBER, 200)),
    *_rows("/accounts/import", ("GET", _MEMBER, 200), ("POST", _MEMBER, 400, None, True)),
    *_rows("/settings", ("GET", _MEMBER, 200)),
    *_rows("/settings/keys", ("POST", _MEMBER, 303, {"name": "A key"})),
    *_rows("/settings/keys/{key_id}/revoke", ("POST", _OWNER, 303, {})),
    *_rows("/settings/keys/revoke", ("POST", _MEMBER, 303)),
    # Characters, one's variations of them, and what these remember
    *_rows("/characters", ("GET", _MEMBER, 200)),
    *_rows("/characters/new", ("GET", _MEMBER, 200), ("POST", _MEMBER, 303, {"name": "Another"})),
    *_rows("/characters/import", ("GET", _MEMBER, 200), ("POST", _MEMBER, 400, None, True)),
    *_rows("/characters/{reference}", ("GET", _OWNER, 200)),
    *_rows("/characters/{reference}/edit", ("GET", _OWNER, 200), ("POST", _OWNER, 303, {"name": "Another"})),
    *_rows("/characters/{reference}/duplicate", ("POST", _OWNER, 303)),
    *_rows("/characters/{reference}/delete", ("POST", _OWNER, 303)),
    *_rows("/characters/{reference}/talk", ("POST", _OWNER, 303)),
    *_rows("/characters/{reference}/instances", ("POST", _OWNER, 303, {"name": "Another {number}"})),
    *_rows("/instances", ("GET", _MEMBER, 200)),
    *_rows("/instances/{instance_id}", ("GET", _OWNER, 200), ("POST", _OWNER, 303, {"memory": "Another."})),
    *_rows("/instances/{instance_id}/prompt", ("GET", _OWNER, 200)),
    *_rows("/instances/{instance_id}/delete", ("POST", _OWNER, 303)),
    *_rows("/instances/{instance_id}/entries", ("POST", _OWNER, 303, {"text": "Another."})),
    *_rows("/instances/{instance_id}/entries/{entry_id}", ("POST", _OWNER, 303, {"action": "pin"})),
    *_rows("/m/{message_id}", ("GET", _OWNER, 303)),
    # The quote board
    *_rows("/quotes", ("GET", _MEMBER, 200)),
    *_rows("/quotes/new", ("GET", _MEMBER, 200), ("POST", _MEMBER, 303, {"content": "Page line, {number}."})),
    *_rows("/quotes/news", ("POST", _MEMBER, 303)),
    *_rows("/quotes/queue", ("GET", Rule.STAFF, 200)),
    *_rows("/quotes/decide", ("POST", Rule.STAFF, 303, {"decision": "apply"})),
    *_rows("/quotes/reports", ("GET", Rule.STAFF, 200)),
    *_rows("/quotes/import", ("GET", Rule.STAFF, 200)),
    *_rows("/quotes/{quote_id}", ("GET", _READER, 200)),
    *_rows("/quotes/{quote_id}/edit", ("GET", Rule.AUTHOR, 200)),
    *_rows("/quotes/{quote_id}/delete", ("POST", Rule.AUTHOR, 303)),
    *_rows("/quotes/{quote_id}/report", ("POST", _READER, 303, {"reason": "A reason."})),
    *_rows("/quotes/{quote_id}/decide", ("POST", Rule.STAFF, 303, {"decision": "withdraw"})),
    *_rows("/quotes/{quote_id}/close", ("POST", Rule.STAFF, 303)),
    *_rows("/language", ("POST", _ANYBODY, 303, {"language": "ko"})),
    *_rows("/theme", ("POST", _ANYBODY, 303, {"theme": "dark"})),
    *_rows("/manifest.webmanifest", ("GET", _ANYBODY, 200)),
    *_rows("/embed/words", ("GET", _ANYBODY, 200)),
    *_rows("/favicon.ico", ("GET", _ANYBODY, 301)),
)
