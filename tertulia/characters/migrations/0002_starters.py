"""The characters that every instance begins with."""

from typing import Any

from django.db import migrations

from tertulia.characters.starters import ensure


def ensure_starters(apps: Any, schema_editor: Any) -> None:
    ensure(apps.get_model("characters", "Character"))


class Migration(migrations.Migration):
    dependencies = [("characters", "0001_initial")]

    operations = [migrations.RunPython(ensure_starters, migrations.RunPython.noop)]
