"""Characters that every instance begins with, written for Tertulia, in five languages; migrations call `ensure`.

One JSON file: `[{"slug", fields of models.Character …, "translations": {language: {name, summary, greeting, …}}}, …]`.
"""

import json
from functools import cache
from importlib import resources
from typing import Any

from tertulia.characters.models import Character
from tertulia.characters.queries import searchable


@cache
def starters() -> tuple[dict[str, Any], ...]:
    """The characters as fields of rows, by the order of the gallery, the last one first."""
    return tuple(json.loads(resources.files(__name__).joinpath("characters.json").read_text("utf-8")))


def ensure(model: Any) -> None:
    """Make or renew the starters, which are told by their slugs; `model` is Character as a migration sees it."""
    for fields in starters():
        values = {**fields, "owner": None, "visibility": Character.Visibility.PUBLIC}
        values["search"] = searchable(Character(**values))
        model.objects.update_or_create(slug=values.pop("slug"), defaults=values)
