"""All pages."""

from webhooks.pages import gallery, new_job, pictures, pipelines, signing_in
from webhooks.pages.registry import Page

PAGES: tuple[Page, ...] = (
    *signing_in.pages,
    *gallery.pages,
    *pictures.pages,
    *pipelines.pages,
    *new_job.pages,
)
