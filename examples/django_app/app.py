"""A catalogue of pictures: a CSV file becomes one batch, which is asked for when it is shown."""

import csv
import io
import sys

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.urls import path
from hookline_client import ApiError, AsyncHookline, NotFound

settings.configure(
    DEBUG=False,
    SECRET_KEY="only signs cookies, and there are none",  # noqa: S106
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
)
django.setup()


async def catalogue(request: HttpRequest, name: str) -> JsonResponse:
    """POST: its rows; GET: how far they are."""
    async with AsyncHookline() as hookline:  # HOOKLINE_URL, HOOKLINE_API_TOKEN
        try:
            if request.method == "POST":
                rows = csv.DictReader(io.StringIO(request.body.decode()))
                taken = await hookline.submit_batch(
                    name, rows, defaults={"then": [{"press": "U1"}]}
                )
                return JsonResponse(dict(taken), status=202)
            batch = await hookline.batch(name)
            found = [line async for line in hookline.manifest(name)]
            return JsonResponse({"status": batch["status"], "rows": found})
        except NotFound:
            return JsonResponse({"error": "no such catalogue"}, status=404)
        except ApiError as error:
            return JsonResponse({"error": error.detail, "errors": list(error.errors)}, status=502)


urlpatterns = [path("catalogues/<slug:name>", catalogue)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
