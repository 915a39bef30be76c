"""The starters' other greetings in all their languages."""

from typing import Any

from django.db import migrations

from tertulia.characters.starters import ensure


def ensure_starters(apps: Any, schema_editor: Any) -> None:
    ensure(apps.get_model("characters", "Character"))


class Migration(migrations.Migration):
    dependencies = [("characters", "0003_memory")]

    operations = [migrations.RunPython(ensure_starters, migrations.RunPython.noop)]
