"""Judges a content security policy, as an attacker with a place for markup in the page would; B3 is the caller."""

import re
from collections.abc import Mapping

# 128 bits in base64.
_SHORTEST_NONCE = 22
_NONCE = re.compile(r"^'nonce-([\w+/=-]+)'$")

# Sources that let in what is not ours, or that run what stands in the page.
_LOOSE = re.compile(
    r"^(\*|https?:|data:|filesystem:|ws[s]?:|'unsafe-inline'|'unsafe-eval'|'wasm-unsafe-eval'|'unsafe-hashes'|.*\..*)$"
)
# What each directive may say at most; `default-src 'none'` stands for those that are not there.
_ALLOWED: Mapping[str, frozenset[str]] = {
    "default-src": frozenset({"'none'"}),
    "object-src": frozenset({"'none'"}),
    "base-uri": frozenset({"'none'"}),
    "frame-ancestors": frozenset({"'none'"}),
    "form-action": frozenset({"'self'", "'none'"}),
    "require-trusted-types-for": frozenset({"'script'"}),
}
# These do not fall back to default-src, so they have to be said.
_REQUIRED = (
    "default-src",
    "script-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
    "require-trusted-types-for",
)


def directives(policy: str) -> dict[str, list[str]]:
    """Names with their sources; the first of a name counts (CSP 3 §2.2.1)."""
    found: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *sources = part.split() or [""]
        if name:
            found.setdefault(name.lower(), sources)
    return found


def faults(policy: str, *, typed: bool = True) -> list[str]:
    """What is wrong with the policy of a page; `typed` when its own program can live with Trusted Types."""
    if "," in policy:
        return ["more than one policy in one header"]
    found = directives(policy)
    required = _REQUIRED if typed else _REQUIRED[:-1]
    missing = [f"no {name}" for name in required if name not in found]
    loose = [
        f"{name} allows {source}"
        for name, sources in found.items()
        for source in sources
        if _LOOSE.match(source) or (name == "script-src" and source == "blob:")
    ]
    more = [
        f"{name} is {' '.join(found[name])}"
        for name, allowed in _ALLOWED.items()
        if name in found and not set(found[name]) <= allowed
    ]
    return missing + loose + more + _nonce_faults(found) + (_type_faults(found) if typed else [])


def nonces(policy: str) -> list[str]:
    """The nonces of script-src."""
    sources = directives(policy).get("script-src", [])
    return [found[1] for source in sources if (found := _NONCE.match(source))]


def _nonce_faults(found: Mapping[str, list[str]]) -> list[str]:
    values = [match[1] for source in found.get("script-src", []) if (match := _NONCE.match(source))]
    if len(values) != 1:
        return [f"{len(values)} nonces in script-src"]
    return [f"a nonce of {len(values[0])} characters"] if len(values[0]) < _SHORTEST_NONCE else []


def _type_faults(found: Mapping[str, list[str]]) -> list[str]:
    names = found.get("trusted-types")
    if names is None:
        return ["any policy of Trusted Types may be made"]
    return [
        f"trusted-types allows {name}" for name in names if name in ("*", "'allow-duplicates'", "default")
    ]
