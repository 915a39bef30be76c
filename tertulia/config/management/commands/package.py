"""`tertulia package azure`: the zip that Azure App Service builds and runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from tertulia.config.env import CHECKOUT, in_checkout
from tertulia.config.packaging import archive, bom, preflight
from tertulia.config.server import START_COMMAND
from tertulia.core.commands import QuickCommand


class Command(QuickCommand):
    help = "Make a deployment archive of this checkout: the same commit gives the same bytes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("platform", choices=["azure"])
        parser.add_argument("--output", required=True, type=Path, metavar="FILE.zip")

    def handle(self, *args: Any, output: Path, **options: Any) -> None:
        if not in_checkout():
            raise CommandError("Only a source checkout can be packaged.")
        try:
            files = preflight.content(CHECKOUT)
        except preflight.Refused as refused:
            raise CommandError(f"Not packaged:\n{refused}") from None
        files["sbom.json"] = bom.bill(
            (CHECKOUT / "requirements.txt").read_text(), (CHECKOUT / "client/package-lock.json").read_text()
        )
        try:
            digest = archive.write(output, files)
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from None
        self.stdout.write(f"{output}: {len(files)} files, {output.stat().st_size / 1e6:.1f} MB")
        self.stdout.write(f"sha256 {digest}")
        self.stdout.write(f"start-up command: {START_COMMAND}")
