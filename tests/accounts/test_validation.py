"""What users may say of themselves."""

import pytest

from tertulia.accounts import validation
from tertulia.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("email", "Ana@Example.ORG", "ana@example.org"),
        ("email", "  ana@example.org\n", "ana@example.org"),
        ("email", "ana+chat@sub.example.org", "ana+chat@sub.example.org"),
        ("email", "owner@localhost", "owner@localhost"),
        ("nickname", " Ana ", "Ana"),
        ("nickname", "x", "x"),
        ("nickname", "n" * 40, "n" * 40),
        ("nickname", "이순신", "이순신"),
        ("nickname", "Jose\u0301", "José"),
        ("nickname", "👩‍🚀 Анна", "👩‍🚀 Анна"),
        ("time_zone", "Asia/Seoul", "Asia/Seoul"),
        ("time_zone", "", ""),
        ("language", "zh-hans", "zh-hans"),
        ("language", "", ""),
    ],
)
def test_accepted(field: str, given: str, kept: str) -> None:
    assert validation.cleaned({field: given}) == {field: kept}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("email", ""),
        ("email", "ana"),
        ("email", "ana@"),
        ("email", "@example.org"),
        ("email", "ana@exam ple.org"),
        ("email", "ana\0@example.org"),
        ("email", "ana\ud800@example.org"),
        ("email", "a" * 250 + "@example.org"),
        ("email", "ana@example.org\r\nBcc: all@example.org"),
        ("nickname", ""),
        ("nickname", "   "),
        ("nickname", "n" * 41),
        ("nickname", "a\0b"),
        ("nickname", "a\nb"),
        ("nickname", "a\x1bb"),
        ("nickname", "\udfff"),
        ("nickname", "admin\u202egnp"),
        ("nickname", "\u200b\u200d"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", "asia/seoul"),
        ("time_zone", "Asia/Seoul\0"),
        ("language", "xx"),
        ("language", "EN"),
    ],
)
def test_refused(field: str, given: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validation.cleaned({field: given})
    assert list(refused.value.errors or {}) == [field]


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        validation.cleaned({"email": "ana", "nickname": "Ana", "time_zone": "?"})
    assert set(refused.value.errors or {}) == {"email", "time_zone"}


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "password",
        "1234567890123",
        "ana-maria@example.org",
        "a\0 long enough secret",
        "\ud800" * 20,
        "p" * 257,
    ],
)
def test_weak_or_impossible_passwords(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validation.check_password_rules(password, email="ana-maria@example.org", nickname="Ana")
    assert list(refused.value.errors or {}) == ["password"]


def test_a_good_password() -> None:
    validation.check_password_rules("a long walk by the river", email="ana@example.org", nickname="Ana")
    validation.check_password_rules("산책길 옆의 강 " * 20, email="ana@example.org", nickname="Ana")
