"""The first lines of a new board are found like any others; on a board of their own, since rarity is of the whole."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.processes import ROOT, clean_environment

LINES = ["The cobbler mends what the drizzle undoes.", "A candle is late for its own light."]
QUESTIONS = ["mending drizzle", "cobbler", "What is late for the light?", "Who sells umbrellas here?"]
FOUND = [[LINES[0]], [LINES[0]], [LINES[1]], []]

PROGRAM = """
import json, sys
import django
django.setup()
from django.core.management import call_command
from tertulia.accounts.models import User
from tertulia.quotes import actions, retrieval

call_command("migrate", verbosity=0)
lines, questions = json.load(sys.stdin)
mona = User.objects.create(email="mona@example.org", nickname="Mona", is_staff=True)
for line in lines:
    actions.propose_quote(user=mona, words={"content": line}, is_apply=True)
print(json.dumps([[found.text for found in retrieval.relevant(question)] for question in questions]))
"""


def test_the_first_lines_are_found(fresh_database: Callable[[], str], tmp_path: Path) -> None:
    environment = clean_environment() | {
        "DJANGO_SETTINGS_MODULE": "tertulia.config.settings",
        "TERTULIA_DATA": str(tmp_path),
        "DATABASE_URL": fresh_database(),
        "SECRET_KEY": "for the tests only, of sufficient length: " + "0123456789" * 3,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps([LINES, QUESTIONS]), cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == FOUND
