"""Request validation, with the same error messages in HTTP, the command line, Celery and Python.

    base       the base model: unknown fields, error wording, common types
    notify     where to send notifications, and which
    retry      automatic retries, and the errors that trigger them
    steps      follow-ups (``then``) and their command-line shorthand
    options    the options of every kind of job
    kinds      the fields of each kind of job
    fields     field metadata, for input that is all text
    queries    the parameters of listings
    requests   the entry points: ``parse_request``, ``parse_press``, ``parse_resolve``

Every parser returns a value or raises ``InvalidRequest``, which names every bad field. A null field
counts as missing. Pictures are plain strings here; ``worker.adapters.storage.inputs`` opens them.
"""
