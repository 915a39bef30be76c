"""Variables as people write them: in a `.env` file of any editor, in addresses, as yes and no."""

from pathlib import Path
from urllib.parse import quote

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from tertulia.config import dotenv, server
from tertulia.config import env as environment


def written(folder: Path, content: bytes) -> dict[str, str]:
    (folder / ".env").write_bytes(content)
    return dotenv.values(folder / ".env")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"KEY=abc", "abc"),
        (b"  KEY = abc  ", "abc"),
        (b"export KEY=abc", "abc"),
        (b"KEY=", ""),
        (b'KEY="a b"', "a b"),
        (b"KEY='a \"b\"'", 'a "b"'),
        (b'KEY="a \\"b\\" \\\\ \\n"', 'a "b" \\ \\n'),
        (b"KEY=abc # of mine", "abc"),
        (b'KEY="a # b" # of mine', "a # b"),
        (b"KEY=# nothing yet", ""),
        (b"KEY=ab#c=d", "ab#c=d"),
        (b"KEY=postgres://u:p%23@h/x?a=b#c", "postgres://u:p%23@h/x?a=b#c"),
        (b"KEY='unfinished", "'unfinished"),
        ("KEY=단어".encode(), "단어"),
    ],
)
@pytest.mark.parametrize("form", [b"%b\n", b"\xef\xbb\xbf%b\r\n", b"# first\r\n\r\n%b"])
def test_a_line_of_a_file_in_any_form(line: bytes, value: str, form: bytes, tmp_path: Path) -> None:
    assert written(tmp_path, form % line) == {"KEY": value}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"A=1\nsecret-of-mine\n", r"line 2: not of the form NAME=value\.$"),
        (b"A=1\n2B=secret-of-mine\n", r"line 2: not of the form NAME=value\.$"),
        ("A=secret-of-mine".encode("utf-16"), r"is not UTF-8"),
        (b"A=\xe9secret-of-mine", r"is not UTF-8"),
    ],
)
def test_what_cannot_be_read_stops_the_start_and_is_not_repeated(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason) as refused:
        written(tmp_path, content)
    assert "secret" not in str(refused.value)


def test_a_file_that_cannot_be_opened_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="cannot be read: Is a directory"):
        dotenv.values(tmp_path)


def reader(monkeypatch: pytest.MonkeyPatch, value: str) -> environ.Env:
    monkeypatch.setenv("NAME", value)
    return environ.FileAwareEnv()


@pytest.mark.parametrize(
    "address",
    [
        "garbage", "mysql://u:hidden@h/x", "sqlite://", "sqlite://:memory:", "postgres://u:hidden@h",
        "postgres://u:hidden/pass@h/x", "postgres://u:p@h:hidden/x",
    ],
)  # fmt: skip
def test_a_wrong_address_of_a_database_is_refused_and_not_repeated(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: sqlite:///path or postgres://") as refused:
        environment.database(reader(monkeypatch, address), "NAME", tmp_path)
    assert "hidden" not in str(refused.value)


def test_a_data_folder_may_have_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("/var/lib/나의 방 100%#?/tertulia.sqlite3")
    assert environment.database(reader(monkeypatch, ""), "NAME", file)["NAME"] == str(file)


def test_the_password_of_a_database_may_have_any_character(monkeypatch: pytest.MonkeyPatch) -> None:
    word = "a/b@c#%"
    server = f"u:{quote(word, safe='')}@db.example.org:6432"
    found = environment.database(
        reader(monkeypatch, f"postgres://{server}/x?sslmode=require"), "NAME", Path("/nowhere")
    )
    assert (found["HOST"], found["PORT"], found["PASSWORD"]) == ("db.example.org", 6432, word)
    assert found["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize("value", ["garbage", "http://h", "smtp://u:hidden@h:port"])
def test_wrong_addresses_of_other_services_name_their_setting(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = reader(monkeypatch, value)
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: smtp"):
        environment.mail(env, "NAME", "consolemail://")
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: redis://"):
        environment.redis(env, "NAME")


@pytest.mark.parametrize(
    ("value", "meant"),
    [("", True), ("no", False), ("False", False), ("0", False), ("ON", True), (" 1 ", True)],
)
def test_yes_and_no(value: str, meant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.flag(reader(monkeypatch, value), "NAME", default=True) is meant


def test_neither_yes_nor_no_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^NAME: true or false; not 'perhaps'"):
        environment.flag(reader(monkeypatch, "perhaps"), "NAME", default=False)


@pytest.mark.parametrize("value", ["abc", "-1", "65536", "8000 ", "٨٠"])
def test_a_wrong_port_names_its_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv("WEBSITES_PORT", value)
    with pytest.raises(ImproperlyConfigured, match=r"^WEBSITES_PORT: a whole number from 0 to 65535; not "):
        server.default_port()


def test_the_platforms_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "WEBSITES_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert server.default_port() == 8000
    monkeypatch.setenv("WEBSITES_PORT", "8181")
    assert server.default_port() == 8181
    monkeypatch.setenv("PORT", "0")
    assert server.default_port() == 0
