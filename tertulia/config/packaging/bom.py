"""The software bill of materials (CycloneDX 1.6, ECMA-424) of a release, from the locks; the archive carries it."""

import json
import re
from collections.abc import Iterable
from typing import Any

from tertulia import __version__

_PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?:[^\n]*\\\n(?:\s+--hash=\S+(?: \\)?\n?)*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill(python_lock: str, npm_lock: str) -> bytes:
    """The document as JSON, the same bytes for the same locks; what the bundle is built with is named too."""
    components = sorted(
        [*_python(python_lock), *_npm(npm_lock)], key=lambda component: str(component["bom-ref"])
    )
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "tertulia",
                "version": __version__,
                "bom-ref": "tertulia",
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": components,
    }
    return json.dumps(document, indent=1).encode()


def _python(lock: str) -> Iterable[dict[str, Any]]:
    for match in _PIN.finditer(lock):
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        yield _component(name, match[2], f"pkg:pypi/{name}@{match[2]}", "required") | {
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in _HASH.findall(match[0])]
        }


def _npm(lock: str) -> Iterable[dict[str, Any]]:
    for path, package in json.loads(lock)["packages"].items():
        name = path.rpartition("node_modules/")[2]
        if name:
            address = f"pkg:npm/{name.replace('@', '%40')}@{package['version']}"
            scope = "excluded" if package.get("dev") else "required"
            yield _component(name, package["version"], address, scope)


def _component(name: str, version: str, address: str, scope: str) -> dict[str, Any]:
    return {
        "type": "library", "name": name, "version": version, "purl": address, "bom-ref": address, "scope": scope,
    }  # fmt: skip
