"""PURE. A batch's file, read into jobs: no Redis, no HTTP, one row in memory at a time.

lines         bytes -> numbered lines of text, of bounded length
records       lines -> the columns of each row: NDJSON, CSV or plain lines of prompts
permutations  ``{red, green} bird``, and templates over columns
defaults      what all rows of a batch share, checked before any row is read
columns       a row's columns and the defaults -> the requests that they ask for
keys          how a row is known again when its file is handed in once more
rows          the door: ``read_rows``
"""
