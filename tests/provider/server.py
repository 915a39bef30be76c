"""The scripted provider as a whole: routes, and a thread that serves them; started by tests."""

import asyncio
import contextlib
import dataclasses
import json
import socket
import ssl
import threading
from pathlib import Path

from tests.provider import embedding, faults, wire
from tests.provider.answer import Answer
from tests.provider.audio import Audio
from tests.provider.certificate import self_signed_context
from tests.provider.connection import Connection, Request
from tests.provider.record import Log, Record
from tests.provider.script import Script, ScriptError, script_for

MODELS = ("text-embedding-x", "scripted-small", "scripted-large", "scripted-strict")

# As OpenAI's reasoning models do: refuses `max_tokens` and names what it wants.
STRICT_MODEL = "scripted-strict"


class Routes:
    """Answers requests; the attributes are what a test may change of the server as a whole."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.audio = Audio()
        self.reset()

    def reset(self) -> None:
        self.log.reset()
        self.audio.reset()
        self.models: tuple[str, ...] = MODELS
        self.models_status = 200
        self.models_body = b""
        self.embeddings_status = 200
        self.embeddings_body = b""
        self.embeddings_dimensions = embedding.DIMENSIONS
        self.embeddings_common = 0.0
        self.embedded: list[str] = []
        self.refused_fields: frozenset[str] = frozenset()
        self.takes_turns_only = False
        self.drops_next_kept_connection = False
        self.connections = 0

    def connect(self) -> Connection:
        self.connections += 1
        return Connection(self.handle)

    def handle(self, connection: Connection, request: Request) -> None:
        if self.drops_next_kept_connection and connection.requests > 1:
            self.drops_next_kept_connection = False
            connection.close()
            return
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                self._complete(connection, request)
            case "POST", "/v1/embeddings":
                self._embed(connection, request)
            case "GET", "/v1/models":
                self._list_models(connection)
            case "GET", "/_log":
                self._show_log(connection, request)
            case "POST", "/_reset":
                self.reset()
                connection.respond(200, b"{}")
            case _ if self.audio.handle(connection, request):
                pass
            case _:
                _refuse(connection, 404, "Unknown request URL.")

    def _complete(self, connection: Connection, request: Request) -> None:
        try:
            body = request.json()
            script = script_for(body["messages"])
        except (ValueError, KeyError, AttributeError, TypeError, ScriptError) as error:
            _refuse(connection, 400, str(error))
            return
        if script.fault and script.fault not in faults.NAMES:
            _refuse(connection, 400, f"no fault is called {script.fault!r}; there are {sorted(faults.NAMES)}")
            return
        record = self.log.open(body, request.headers.get("authorization", ""), request.body)
        answer = Answer(connection, record, self.log, self._this_time(script, record))
        refused = self._refused_field(body)
        if self.takes_turns_only and not _is_in_turn(body["messages"]):
            answer.refuse(400, wire.error_body(_NOT_IN_TURN, kind="invalid_request_error", code=None))
        elif refused is None:
            answer.start()
        else:
            answer.refuse(400, _unsupported(refused))

    def _embed(self, connection: Connection, request: Request) -> None:
        if self.embeddings_status != 200:
            _refuse(connection, self.embeddings_status, "No vectors today.")
            return
        try:
            body = request.json()
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            dimensions, common = self.embeddings_dimensions, self.embeddings_common
            vectors = [embedding.vector(text, dimensions=dimensions, common=common) for text in texts]
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            _refuse(connection, 400, str(error))
            return
        self.embedded += texts
        connection.respond(200, self.embeddings_body or embedding.body(body.get("model", ""), vectors))

    def _this_time(self, script: Script, record: Record) -> Script:
        """Without its fault once it has failed as often as it was told to."""
        asked = self.log.times_asked(record.messages_sha256) if script.fail_first is not None else 0
        if script.fail_first is not None and asked > script.fail_first:
            return dataclasses.replace(script, fault="", status=None)
        return script

    def _refused_field(self, body: dict[str, object]) -> str | None:
        refused = self.refused_fields | ({"max_tokens"} if body.get("model") == STRICT_MODEL else set())
        return next((name for name in sorted(refused) if name in body), None)

    def _list_models(self, connection: Connection) -> None:
        self.log.model_lists += 1
        if self.models_status != 200:
            _refuse(connection, self.models_status, "No list today.")
        else:
            data = [{"id": model, "object": "model", "owned_by": "tests"} for model in self.models]
            listed = json.dumps({"object": "list", "data": data}).encode()
            connection.respond(200, self.models_body or listed)

    def _show_log(self, connection: Connection, request: Request) -> None:
        with_times = request.query.get("times") == ["1"]
        records = [record.as_json(with_times=with_times) for record in self.log.records]
        connection.respond(200, json.dumps(records).encode())


# As vLLM passes on what a chat template such as Mistral's raises.
_NOT_IN_TURN = (
    "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."
)


def _is_in_turn(messages: list[dict[str, str]]) -> bool:
    roles = [message["role"] for message in messages]
    spoken = roles[1:] if roles[0] == "system" else roles
    return all(role == ("assistant" if number % 2 else "user") for number, role in enumerate(spoken))


def _refuse(connection: Connection, status: int, message: str) -> None:
    connection.respond(status, wire.error_body(message, kind="invalid_request_error", code=None))


def _unsupported(field: str) -> bytes:
    instead = " Use 'max_completion_tokens' instead." if field == "max_tokens" else ""
    message = f"Unsupported parameter: '{field}' is not supported with this model.{instead}"
    return wire.error_body(message, kind="invalid_request_error", code="unsupported_parameter", param=field)


async def listen(routes: Routes, *, port: int = 0, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    # The backlog lets 500 clients connect in one instant.
    return await loop.create_server(routes.connect, "127.0.0.1", port, ssl=tls, backlog=1024)


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


class ScriptedProvider:
    """The server in a thread of this process. Use as a context manager, or start() and stop().

    Started again, in this process or in a fork of it, it serves at the address that it had before.
    """

    def __init__(self, *, port: int = 0, log_path: Path | None = None) -> None:
        self._port = port
        self.log = Log(log_path)
        self.routes = Routes(self.log)
        self.base_url = ""
        self.tls_url = ""
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self._thread: threading.Thread

    def start(self) -> str:
        """Serve, and return the base URL for OPENAI_BASE_URL."""
        self._ready.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the scripted provider did not start")
        return self.base_url

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    def __enter__(self) -> "ScriptedProvider":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        plain = await listen(self.routes, port=self._port)
        encrypted = await listen(self.routes, tls=self_signed_context())
        self._port = port_of(plain)
        self.base_url = f"http://127.0.0.1:{self._port}/v1"
        self.tls_url = f"https://127.0.0.1:{port_of(encrypted)}/v1"  # a certificate nobody trusts
        self._ready.set()
        await self._stopping.wait()
        plain.close()
        encrypted.close()


def refused_url() -> str:
    """A base URL where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def dns_url() -> str:
    """A base URL whose host does not exist (RFC 6761 §6.4)."""
    return "https://provider.invalid/v1"
