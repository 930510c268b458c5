"""The pages: one more caller of the services, with a browser's session in place of a header.

What a page does is done by the caller whose API token signed in: the same scopes, tenant, limits
and audit trail as under ``/v1``, by the same services.
"""
