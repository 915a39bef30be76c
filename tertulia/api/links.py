"""The OpenAPI document's links (OpenAPI 3.1 §4.8.20): which answer names whose object; `schema` adds them.

A reader learns how ids travel, and tools that play the API make an object before they ask for it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple


class Origin(NamedTuple):
    """Where an id comes from: the operation that makes the object, and the place in its answer."""

    operation: str
    pointer: str


ORIGINS: dict[str, tuple[Origin, ...]] = {
    "conversation_id": (Origin("postConversations", "id"),),
    "message_id": (Origin("postMessages", "answer/id"), Origin("postMessages", "user_message/id")),
    "generation_id": (Origin("postMessages", "generation"),),
    "exchange_id": (Origin("postExchanges", "id"),),
    "reference": (Origin("postCharacters", "id"),),
    "instance_id": (Origin("postInstances", "id"),),
    "entry_id": (Origin("postEntries", "id"),),
    "quote_id": (Origin("postQuotes", "id"),),
    "key_id": (Origin("postKeys", "id"),),
}
# What the path of the operation that makes an object names already.
_PARENTS = {"entry_id": "instance_id"}


def add_links(document: dict[str, Any]) -> None:
    """Add to each operation that makes something the links to all that can be done with it."""
    operations = dict(_operations(document))
    for operation, names in operations.values():
        for name in names:
            if any(_PARENTS.get(other) == name for other in names):
                continue  # reached by the object inside it
            for origin in ORIGINS.get(name, ()):
                maker = operations[origin.operation][0]
                maker["responses"]["201"].setdefault("links", {}).update(_link(operation, name, origin))


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, tuple[dict[str, Any], list[str]]]]:
    """Every operation by its id, with the names in its path."""
    for methods in document["paths"].values():
        for operation in methods.values():
            parameters = operation.get("parameters", ())
            names = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]
            yield operation["operationId"], (operation, names)


def _link(operation: dict[str, Any], name: str, origin: Origin) -> dict[str, Any]:
    target = operation["operationId"]
    parameters = {name: f"$response.body#/{origin.pointer}"}
    if parent := _PARENTS.get(name):
        parameters[parent] = f"$request.path.{parent}"
    place = origin.pointer.replace("/", "_")
    return {f"{target}_{place}": {"operationId": target, "parameters": parameters}}
