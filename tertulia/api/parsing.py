"""Reads request bodies strictly, for DRF's views and the async endpoints alike.

What is accepted can be stored in either database and sent back: UTF-8, finite numbers, no NUL, no lone surrogates,
names once, not nested deeper than any endpoint needs.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.http.request import RawPostDataException
from django.utils.translation import gettext_lazy as _
from rest_framework.parsers import BaseParser

from tertulia.api.problems import too_large
from tertulia.core.errors import InvalidInput, Malformed, UnsupportedMediaType

MAX_DEPTH = 32
# A client's own names are sent back no longer than this.
MAX_PATH = 120
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_JSON = re.compile(r"application/(?:json|[\w.+-]+\+json)")
_UNREADABLE = re.compile("[\0\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """DRF's default parser; `request.data` is always a dict."""

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        # `stream` is a copy of the bytes where something has read the body before.
        assert parser_context is not None
        return read_json(parser_context["request"]._request)


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that a request carries; an empty body is an empty object.

    Raises TooLarge, UnsupportedMediaType, Malformed, or InvalidInput naming the path of a string that cannot be kept.
    """
    body = _body(request)
    if not body:
        return {}
    _check_content_type(request)
    return parse_object(body)


def read_fields(request: HttpRequest) -> dict[str, Any]:
    """As `read_json`, and plain forms as well, whose fields are all texts: older clients send them."""
    if request.content_type not in _FORMS:
        return read_json(request)
    try:
        fields: dict[str, Any] = request.POST.dict()
        files = list(request.FILES)
    except RequestDataTooBig:
        raise too_large() from None
    if files:
        raise InvalidInput.field(files[0], _("Files are not taken here."))
    _check_texts(fields)
    return fields


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object from bytes; raises as `read_json`."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError:
        raise Malformed(_("The body is not UTF-8.")) from None
    except ValueError:  # bad syntax, or a whole number of thousands of digits
        raise Malformed(_("The body is not valid JSON.")) from None
    if not isinstance(value, dict):
        raise Malformed(_("A JSON object is expected."))
    _check_texts(value)
    return value


def _body(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig:
        raise too_large() from None
    except UnreadablePostError:
        raise Malformed from None
    except RawPostDataException:  # the CSRF check has read it as a form
        raise _unsupported(request) from None
    if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise too_large()
    return body


def _check_content_type(request: HttpRequest) -> None:
    kind, charset = request.content_type or "", (request.content_params or {}).get("charset", "utf-8")
    if not _JSON.fullmatch(kind.lower()) or charset.lower() not in ("utf-8", "utf8"):
        raise _unsupported(request)


def _unsupported(request: HttpRequest) -> UnsupportedMediaType:
    return UnsupportedMediaType(_("Send application/json in UTF-8."), headers={"Accept": "application/json"})


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of a name that comes twice would disagree on its value."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate name")
    return result


def _too_deep() -> Malformed:
    return Malformed(_("The body is nested deeper than %(limit)d levels.") % {"limit": MAX_DEPTH})


def _check_texts(value: object) -> None:
    """Refuse, with its path, a string that cannot be stored, and nesting beyond MAX_DEPTH; without recursion."""
    pending: list[tuple[str, object, int]] = [("", value, 1)]
    while pending:
        path, item, depth = pending.pop()
        if isinstance(item, str):
            _check_text(path, item)
            continue
        if isinstance(item, (list, dict)) and depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(item, list):
            pending += [(_joined(path, index), each, depth + 1) for index, each in enumerate(item)]
        elif isinstance(item, dict):
            for name, each in item.items():
                _check_text(path or "body", name)
                pending.append((_joined(path, name), each, depth + 1))


def _check_text(path: str, text: str) -> None:
    if _UNREADABLE.search(text):
        raise InvalidInput.field(path[:MAX_PATH], _("NUL and lone surrogates are not allowed."))


def _joined(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
