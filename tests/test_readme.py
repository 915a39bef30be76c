"""The README's commands are typed, here, as they stand there."""

import re
import subprocess
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_commands_of_the_api_work_as_printed(server: str) -> None:
    block = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert block
    script = block[1].replace("http://localhost:8000", server).replace("curl -s", "curl --fail-with-body -s")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for part in (
        '"access"',
        'rel="first"',
        '"chat_reply"',
        '"prompt_message"',
        "event: end",
        "chat.completion",
    ):
        assert part in done.stdout


def test_pictures_and_pages_that_it_shows_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target


def test_it_opens_with_the_two_commands() -> None:
    head = README[: README.index("## ")]
    assert "python3 dev.py run" in head
    assert "python3 dev.py test" in head
