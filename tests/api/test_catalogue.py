"""/api/models and /api/usage."""

from collections.abc import Callable

from tests.people import Person


def test_models_name_one_default(alice: Person) -> None:
    results = alice.client.get("/api/models").json()["results"]
    assert all(set(model) == {"id", "provider", "default"} for model in results)
    assert [model["id"] for model in results if model["default"]] == ["scripted-small"]
    assert results[-1] == {"id": "offline", "provider": "offline", "default": False}
    assert "text-embedding-x" not in [model["id"] for model in results]


def test_usage_before_and_after(alice: Person) -> None:
    before = alice.client.get("/api/usage").json()
    assert (before["limit"], before["used"], before["remaining"]) == (5, 0, 5)
    alice.client.post("/chat", json={"content": "hello"})
    after = alice.client.get("/api/usage").json()
    assert after == {"limit": 5, "used": 1, "remaining": 4, "resets_at": before["resets_at"]}
    speech = alice.client.get("/api/usage/speech").json()
    assert speech == {"limit": 50, "used": 0, "remaining": 50, "resets_at": before["resets_at"]}


def test_usage_without_a_limit(join: Callable[..., Person]) -> None:
    mona = join("mona", is_superuser=True)
    body = mona.client.get("/api/usage").json()
    assert (body["limit"], body["used"], body["remaining"]) == (None, 0, None)
