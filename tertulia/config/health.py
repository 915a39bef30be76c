"""Health for load balancers: alive without any look at the database, ready only with it. Says nothing else."""

import threading

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from tertulia.chat.generation.supervisor import supervisor
from tertulia.core.db import in_db


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "ok"})


async def readyz(request: HttpRequest) -> JsonResponse:
    """200 when requests may be sent here; 503 while draining, without a database or before its migrations."""
    if supervisor().draining:
        return JsonResponse({"status": "draining"}, status=503)
    try:
        migrated = await in_db(_migrated)
    except DatabaseError:
        return JsonResponse({"status": "database unavailable"}, status=503)
    if not migrated:
        return JsonResponse({"status": "migrations pending"}, status=503)
    return JsonResponse({"status": "ready"})


# Once set it stays: this process's code knows no more migrations than it began with.
_known_migrated = threading.Event()


def _migrated() -> bool:
    """Whether the database answers and has every migration."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if not _known_migrated.is_set():
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _known_migrated.set()
    return True
