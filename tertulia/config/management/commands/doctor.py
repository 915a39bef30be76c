"""`tertulia doctor`: what is configured, reachable and missing; exit status 1 on a fault.

The console script itself reports settings that cannot be read: then no command can be found.
"""

import sys
from typing import Any

from tertulia.config.doctor import examine
from tertulia.config.findings import Level
from tertulia.core.commands import QuickCommand


class Command(QuickCommand):
    help = (
        "Say in plain words what is configured, reachable, missing. Secrets are masked. Status 1 on a fault."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        worst = Level.OK
        for finding in examine():
            self.stdout.write(str(finding))
            worst = Level.FAULT if Level.FAULT in (worst, finding.level) else finding.level
        if worst is Level.FAULT:
            sys.exit(1)
