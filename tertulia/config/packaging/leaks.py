"""Secrets in files, found by their form or by their value; the pre-flight and the repository's scan call it.

Forms: published prefixes of keys, private keys, passwords inside addresses, values of variables that are secret by
name. Values: whatever the operator's own environment holds under such a name, in whatever form.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_FORMS = {
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}",
    "an OpenAI key": rb"\bsk-(?=[\w-]*[0-9])[\w-]{20,}",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})",
    "an AWS key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Google key": rb"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Slack token": rb"\bxox[abprs]-[0-9A-Za-z-]{20,}",
    "an Azure storage key": rb"AccountKey=[A-Za-z0-9+/]{80,}={0,2}",
    "a signed token": rb"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}",
    "a password in an address": rb"\b[a-z][a-z+]{2,12}://[^\s:/@'\"{}<>$]+:(?!password@|secret@)[^\s@/'\"{}<>$]{8,}@[\w.-]+",
    "the value of a secret variable": (
        rb"\b(?:SECRET_KEY|\w+_(?:API_KEY|CLIENT_SECRET|PASSWORD|TOKEN))[ \t]*[=:][ \t]*['\"]?"
        rb"(?=[A-Za-z+/_-]*[0-9])(?=[0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{24,}"
    ),
}
_COMPILED = {kind: re.compile(form) for kind, form in _FORMS.items()}
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|TOKEN|_KEY$|DATABASE_URL|REDIS_URL|EMAIL_URL")
# A shorter value occurs by chance.
_SHORTEST_VALUE = 12


@dataclass(frozen=True, slots=True)
class Leak:
    """What was found and in which line, counted from 1. The secret itself is never repeated."""

    kind: str
    line: int


def leaks(content: bytes, values: Mapping[str, bytes] | None = None) -> Iterator[Leak]:
    """Every secret of a file; `values` are those of `secret_values`, by the name of their variable."""
    for kind, form in _COMPILED.items():
        for match in form.finditer(content):
            yield Leak(kind, _line_of(content, match.start()))
    for name, value in (values or {}).items():
        if (position := content.find(value)) >= 0:
            yield Leak(f"the value of {name}", _line_of(content, position))


def secret_values(environment: Mapping[str, str]) -> dict[str, bytes]:
    """The values of an environment that are secret by their variable's name."""
    return {
        name: value.encode("utf-8", "surrogateescape")
        for name, value in environment.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_VALUE
    }


def _line_of(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
