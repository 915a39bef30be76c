"""Reads request bodies strictly, for DRF's views and the async endpoints alike.

What is accepted can be stored in either database and sent back (`core.strictjson`).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.http.request import RawPostDataException
from django.utils.translation import gettext_lazy as _
from rest_framework.parsers import BaseParser

from tertulia.api.problems import too_large
from tertulia.core import strictjson
from tertulia.core.errors import InvalidInput, Malformed, UnsupportedMediaType
from tertulia.core.strictjson import Unreadable, Unstorable

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_JSON = re.compile(r"application/(?:json|[\w.+-]+\+json)")


class Form(dict[str, str]):
    """The fields of a plain form: all texts, whatever they stand for."""


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
    """As `read_json`, and plain forms as well, as a Form: older clients send them."""
    if request.content_type not in _FORMS:
        return read_json(request)
    try:
        fields = Form(request.POST.dict())
        files = list(request.FILES)
    except RequestDataTooBig:
        raise too_large() from None
    if files:
        raise InvalidInput.field(files[0], _("Files are not taken here."))
    with _told():
        strictjson.check(fields)
    return fields


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object from bytes; raises as `read_json`."""
    with _told():
        return strictjson.parse(body)


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with a text or a number names its field; what is wrong with the whole, nothing."""
    try:
        yield
    except Unstorable as fault:
        raise InvalidInput.field(fault.path or "body", fault.reason) from None
    except Unreadable as fault:
        raise Malformed(fault.reason) from None


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
