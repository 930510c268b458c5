"""All pages."""

from webhooks.pages import (
    accounts,
    batches,
    deliveries,
    docs,
    doctor,
    doubts,
    gallery,
    inbox,
    new_job,
    pictures,
    pipelines,
    selection,
    shares,
    signing_in,
)
from webhooks.pages.registry import Page

PAGES: tuple[Page, ...] = (
    *signing_in.pages,
    *gallery.pages,
    *pipelines.pages,
    *selection.pages,
    *shares.pages,
    *pictures.pages,
    *new_job.pages,
    *batches.pages,
    *accounts.pages,
    *inbox.pages,
    *doubts.pages,
    *deliveries.pages,
    *docs.pages,
    *doctor.pages,
)
