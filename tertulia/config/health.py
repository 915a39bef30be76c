"""Health for load balancers: alive without any look at the database, ready only with it. Says nothing else."""

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


def _migrated() -> bool:
    global _known_migrated  # once true it stays true for this process's code
    if not _known_migrated:
        executor = MigrationExecutor(connection)
        _known_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    else:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    return _known_migrated


_known_migrated = False
