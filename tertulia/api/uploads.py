"""Bodies that are nothing but one file; `cards` and `importing` take such."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile  # a generic in the stubs only
    from django.utils.datastructures import MultiValueDict

# For the OpenAPI document.
ONLY_FILE: dict[str, Any] = {
    "multipart/form-data": {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}},
        "required": ["file"],
    }
}


def only_file(
    fields: Iterable[str], files: "MultiValueDict[str, UploadedFile[bytes]]", limit: int
) -> "UploadedFile[bytes]":
    """The one file of a multipart body, its field named `file`; raises InvalidInput, TooLarge beyond `limit` bytes."""
    unknown = next((name for name in (*fields, *files) if name != "file"), None)
    if unknown is not None:
        raise InvalidInput.field(str(unknown)[:60], _("This field is not known here."))
    found = files.getlist("file")
    if len(found) != 1:
        raise InvalidInput.field("file", _("Send one file in this field."))
    if (found[0].size or 0) > limit:
        raise TooLarge(errors={"file": [_("At most %(limit)d bytes.") % {"limit": limit}]})
    return found[0]
