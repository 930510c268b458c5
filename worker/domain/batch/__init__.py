"""PURE. Reads a batch's file into job requests, one row in memory at a time.

lines         bytes -> numbered text lines of bounded length; CSV rows
records       lines -> the columns of each row: NDJSON, CSV or one prompt per line
permutations  ``{red, green} bird``, and prompt templates with columns
defaults      the fields that all rows share, checked before any row is read
columns       a row's columns and the defaults -> job requests
rows          the entry point, ``read_rows``; the idempotency keys of rows
request       the parameters of a batch
progress      import progress and bad rows
manifest      the export of a batch's results, one line per job
"""
