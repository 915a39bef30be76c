"""Everything of one user: exported whole, erased whole, and nobody else's."""

import io
import json
import re
import zipfile
from io import StringIO
from typing import Any

import httpx
import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from PIL import Image

from tertulia.accounts import factors, personal
from tertulia.accounts.models import QuotaBoost, User
from tertulia.api import exporting
from tertulia.core import clock
from tests.accounts.browsing import Browser
from tests.people import PASSWORD, Person
from tests.provider import ScriptedProvider


def furnish(person: Person) -> str:
    """Something in every corner of an account that the interfaces reach; the word that is in all of it."""
    canary = f"canaria{person.id[-9:]}"
    client = person.client
    for answer in (
        client.put("/accounts/profile", json={"nickname": f"{canary} nick"}),
        client.post("/chat", json={"content": f"{canary} question"}),
        client.post("/api/conversations", json={"title": f"{canary} title"}),
        client.post("/api/keys", json={"name": f"{canary} key"}),
        client.post("/quote", json={"content": f"{canary} quote", "speaker": canary}),
    ):
        assert answer.status_code < 300, answer.text
    character = client.post("/api/characters", json={"name": f"{canary} figure", "description": canary})
    assert character.status_code == 201, character.text
    body = {"name": f"{canary} instance", "character": character.json()["id"], "memory": f"{canary} memory"}
    instance = client.post("/api/instances", json=body)
    assert instance.status_code == 201, instance.text
    user = User.objects.get(id=person.id)
    SocialAccount.objects.create(
        user=user, provider="kakao", uid=f"p{person.id}", extra_data={"name": canary}
    )
    QuotaBoost.objects.create(user=user, units=3, until=clock.now())
    secret = factors.new_enrolment(user).secret
    Authenticator.objects.create(user=user, type="totp", data={"secret": factors.Adapter().encrypt(secret)})
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(user.pk),
        object_repr=str(user),
        action_flag=CHANGE,
    )
    return canary


def exported(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/accounts/export")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert "no-store" in answer.headers["cache-control"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}


def test_the_export_holds_everything_and_nobody_elses(alice: Person, bob: Person) -> None:
    canary = furnish(alice)
    assert bob.client.post("/chat", json={"content": "somebody else's words"}).status_code == 201
    files = exported(alice.client)
    for name in (
        "accounts.User", "accounts.ApiKey", "accounts.LedgerEntry", "chat.Conversation", "chat.Message",
        "chat.Generation", "characters.Character", "characters.Instance", "quotes.Quote", "accounts.AuditEvent",
        "socialaccount.SocialAccount",
    ):  # fmt: skip
        assert files[f"{name}.json"], name
    assert f"{canary} question" in [row["content"] for row in files["chat.Message.json"]]
    text = json.dumps(files)
    assert "somebody else's words" not in text
    assert bob.id not in text
    assert bob.email not in text


def test_the_export_holds_memories_and_pictures(alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        character = person.client.post("/api/characters", json={"name": "Mira"}).json()["id"]
        instance = person.client.post("/api/instances", json={"name": "Mira", "character": character}).json()
        entry = {"text": f"{person.email} keeps bees."}
        assert person.client.post(f"/api/instances/{instance['id']}/entries", json=entry).status_code == 201
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), "#a8401f").save(picture, "PNG")
        put = person.client.put(
            f"/api/characters/{character}/picture", files={"file": ("m.png", picture.getvalue())}
        )
        assert put.status_code < 300, put.text
    answer = alice.client.get("/accounts/export")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    entries = json.loads(archive.read("characters.MemoryEntry.json"))
    assert [entry["text"] for entry in entries] == [f"{alice.email} keeps bees."]
    [file] = [name for name in archive.namelist() if name.startswith("files/")]
    assert Image.open(io.BytesIO(archive.read(file))).width == 64
    assert int(answer.headers["X-Export-Files"]) == len(archive.namelist())


def test_the_export_tells_no_secret(alice: Person) -> None:
    furnish(alice)
    user = User.objects.get(id=alice.id)
    text = json.dumps(exported(alice.client))
    secrets = [user.password, *user.api_keys.values_list("digest", flat=True)]
    secrets += list(user.sessions.values_list("session_key", flat=True))
    assert not [secret for secret in secrets if secret in text]
    assert "mfa.Authenticator" not in text


def test_an_export_larger_than_a_batch(alice: Person) -> None:
    user = User.objects.get(id=alice.id)
    QuotaBoost.objects.bulk_create(
        QuotaBoost(user=user, units=number, until=clock.now()) for number in range(personal.BATCH * 2 + 7)
    )
    rows = exported(alice.client)["accounts.QuotaBoost.json"]
    assert sorted(row["units"] for row in rows) == list(range(personal.BATCH * 2 + 7))


def test_an_export_needs_a_credential(server: str, alice: Person) -> None:
    assert httpx.get(f"{server}/accounts/export").status_code == 401
    key = alice.client.post("/api/keys", json={"name": "k", "scope": "chat"}).json()["key"]
    assert (
        httpx.get(f"{server}/accounts/export", headers={"Authorization": f"Bearer {key}"}).status_code == 403
    )


def audit(user_id: str, *texts: str) -> str:
    """What the command prints; empty when it ends well."""
    out = StringIO()
    try:
        call_command("audit_user", user_id, text=list(texts), stdout=out)
    except CommandError:
        return out.getvalue()
    assert out.getvalue() == "Nothing is left.\n"
    return ""


def test_an_erased_account_is_known_nowhere(alice: Person, provider: ScriptedProvider) -> None:
    canary = furnish(alice)
    before = audit(alice.id, canary, alice.email)
    for place in (
        "accounts_user.id",
        "chat_message.user_id",
        "characters_character.owner_id",
        "quotes_quote.user_id",
    ):
        assert place in before
    answer = alice.client.request("DELETE", "/accounts/profile", json={"current_password": PASSWORD})
    assert answer.status_code == 204
    assert audit(alice.id, canary, alice.email) == ""


def test_applied_quotes_stay_without_a_name(alice: Person, mona: Person) -> None:
    answer = alice.client.post("/quote", json={"content": "The bell rang twice, and nobody looked up."})
    quote = answer.json()["id"]
    assert mona.client.put(f"/quote/{quote}", json={"is_apply": True}).status_code == 201
    assert (
        alice.client.request("DELETE", "/accounts/profile", json={"current_password": PASSWORD}).status_code
        == 204
    )
    assert mona.client.get(f"/quote/{quote}").status_code == 200
    assert audit(alice.id, alice.email) == ""


def test_a_file_without_a_row_is_found(alice: Person) -> None:
    path = settings.MEDIA_ROOT / "characters" / "left-behind.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    try:
        assert "characters/left-behind.webp" in personal.nameless_files()
    finally:
        path.unlink()


def test_every_reference_to_a_user_is_exported_or_left_out_with_a_reason() -> None:
    """A new table with a user must be either, and a reason must be of a table that there is."""
    exported_by = {f"{table.name}.{table.path}" for table in personal.tables()}
    references = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if personal._target(field) is User
    }
    unexplained = {
        each
        for each in references - exported_by - personal.NOT_OWNED.keys()
        if each.rpartition(".")[0] not in personal.LEFT_OUT
    }
    assert unexplained == set()
    assert personal.NOT_OWNED.keys() <= references - exported_by
    assert personal.LEFT_OUT.keys() <= {model._meta.label for model in apps.get_models()}


def test_a_large_table_is_cut_into_files_that_are_announced(alice: Person, bob: Person) -> None:
    user = User.objects.get(id=alice.id)
    count = exporting.PART * 2 + 7
    QuotaBoost.objects.bulk_create(
        QuotaBoost(user=user, units=number, until=clock.now()) for number in range(count)
    )
    answer = alice.client.get("/accounts/export")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    names = [f"accounts.QuotaBoost{part}.json" for part in ("", ".2", ".3")]
    parts = [json.loads(archive.read(name)) for name in names]
    assert [len(part) for part in parts] == [exporting.PART, exporting.PART, 7]
    assert sorted(row["units"] for part in parts for row in part) == list(range(count))
    assert int(answer.headers["X-Export-Files"]) == len(archive.namelist())


def test_the_page_tells_what_is_stored(server: str, alice: Person, bob: Person) -> None:
    assert alice.client.post("/chat", json={"content": "Good evening."}).status_code == 201
    counts = []
    for person in (alice, bob):
        with Browser(server) as browser:
            browser.sign_in(person)
            page = browser.see("/accounts/data")
        found = re.search(r"Messages</th><td[^>]*>(\d+)", page)
        counts.append(int(found.group(1)) if found else 0)
    assert counts == [2, 0]


@pytest.mark.parametrize("id", ["x", "", "0"])
def test_what_is_no_account(id: str) -> None:
    with pytest.raises(CommandError, match="not an account"):
        call_command("audit_user", id)
