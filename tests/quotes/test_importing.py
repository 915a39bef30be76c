"""Files of lines: what is read of them, and what becomes of each."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tertulia.core.errors import Forbidden, InvalidInput
from tertulia.quotes.importing import Outcome, import_lines, read_lines
from tertulia.quotes.models import Quote, Term
from tests.accounts.people import make_user
from tests.quotes.rows import a_quote, a_word, staff

pytestmark = pytest.mark.usefixtures("database")


def statuses(outcomes: list[Outcome]) -> list[tuple[int, str]]:
    return [(outcome.line, outcome.status) for outcome in outcomes]


def made(outcome: Outcome) -> Quote:
    assert outcome.id is not None
    return Quote.objects.get(id=outcome.id)


def imported(name: str, text: str, *, is_apply: bool = False) -> list[Outcome]:
    return list(import_lines(user=None, lines=read_lines(name, text.encode()), is_apply=is_apply))


def test_csv_tells_of_every_line() -> None:
    word = a_word()
    there = a_quote(f"there already {word}")
    text = "\r\n".join(
        [
            "\ufeffcontent,speaker,source,language",
            f'"two\nlines {word}",Ana,,',
            f"THERE already {word}!,,,",
            f"once {word},,,",
            f"Once {word}.,,,",
            ",Ana,,",
            "too,many,columns,here,and,there",
            f"in klingon {word},,,tlh",
            "",
            f'{word} with "quotes" inside,,,',
            f"last {word},,,ko",
        ]
    )
    outcomes = imported("lines.CSV", text, is_apply=True)
    assert statuses(outcomes) == [
        (2, "created"), (4, "duplicate"), (5, "created"), (6, "duplicate"), (7, "invalid"), (8, "invalid"),
        (9, "invalid"), (11, "created"), (12, "created"),
    ]  # fmt: skip
    assert outcomes[1].id == there.id
    assert outcomes[3].id == outcomes[2].id
    assert list(outcomes[4].errors or {}) == ["content"]
    assert list(outcomes[6].errors or {}) == ["language"]
    first = made(outcomes[0])
    assert (first.content, first.speaker, first.is_apply, first.user) == (
        f"two\nlines {word}",
        "Ana",
        True,
        None,
    )
    assert made(outcomes[8]).language == "ko"
    assert Term.objects.get(term=word).documents == 5


def test_json_lines_tell_of_every_line() -> None:
    word = a_word()
    lines = [
        json.dumps({"content": f"기다림 {word}", "speaker": None}),
        "",
        "{not json",
        "[" * 5000,
        '"text"',
        json.dumps({"content": 5, "user": "me"}),
        json.dumps({"content": f"a\0b {word}"}),
        '{"content": "\\ud800"}',
        "{}",
    ]
    outcomes = imported("lines.jsonl", "\n".join(lines))
    assert statuses(outcomes) == [(1, "created"), *((number, "invalid") for number in range(3, 10))]
    assert set(outcomes[3 + 1].errors or {}) | {"line"} == {"content", "user", "line"}
    quote = made(outcomes[0])
    assert (quote.language, quote.is_apply) == ("ko", False)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("lines.txt", b"content\nx"),
        ("lines", b"content\nx"),
        ("lines.csv", b""),
        ("lines.csv", b"text\nx"),
        ("lines.csv", b"content,user\nx,y"),
        ("lines.csv", b"content,content\nx,y"),
        ("lines.csv", b"content\n\xff"),
    ],
)
def test_files_that_cannot_be_read(name: str, data: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_lines(name, data)
    assert list(refused.value.errors or {}) == ["file"]


def test_more_than_a_batch() -> None:
    word = a_word()
    text = "content\n" + "".join(f"{word} {number}\n" for number in range(450))
    assert {outcome.status for outcome in imported("many.csv", text)} == {"created"}
    assert {outcome.status for outcome in imported("many.csv", text)} == {"duplicate"}
    assert Term.objects.get(term=word).documents == 450


def test_only_staff_import() -> None:
    lines = read_lines("a.csv", b"content\nx")
    with pytest.raises(Forbidden):
        list(import_lines(user=make_user(), lines=lines))


def test_the_command(tmp_path: Path) -> None:
    word, mona = a_word(), staff()
    path = tmp_path / "lines.csv"
    path.write_text(f"content\nfirst {word}\nFIRST {word}\n \nx\ty\x01 {word}\n", "utf-8")
    out, err = io.StringIO(), io.StringIO()
    call_command("import_quotes", str(path), "--apply", "--proposer", mona.email, stdout=out, stderr=err)
    assert out.getvalue() == "1 created, 1 there already, 2 not valid.\n"
    assert [line.split(":")[0] for line in err.getvalue().splitlines()] == ["Line 3", "Line 4", "Line 5"]
    quote = Quote.objects.get(content=f"first {word}")
    assert (quote.user, quote.is_apply, quote.applied_by) == (mona, True, mona)
    for arguments in (["nowhere.csv"], [str(path), "--proposer", "nobody@example.org"], [str(tmp_path)]):
        with pytest.raises(CommandError):
            call_command("import_quotes", *arguments)
