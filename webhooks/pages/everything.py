"""All pages."""

from webhooks.pages import (
    accounts,
    batches,
    deliveries,
    docs,
    doctor,
    gallery,
    new_job,
    pictures,
    pipelines,
    signing_in,
)
from webhooks.pages.registry import Page

PAGES: tuple[Page, ...] = (
    *signing_in.pages,
    *gallery.pages,
    *pipelines.pages,
    *pictures.pages,
    *new_job.pages,
    *batches.pages,
    *accounts.pages,
    *deliveries.pages,
    *docs.pages,
    *doctor.pages,
)
