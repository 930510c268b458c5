"""PURE. A batch's file, read into jobs: no Redis, no HTTP, one row in memory at a time.

lines         bytes -> numbered lines of text, of bounded length; CSV rows
records       lines -> the columns of each row: NDJSON, CSV or plain lines of prompts
permutations  ``{red, green} bird``, and templates over columns
defaults      what all rows of a batch share, checked before any row is read
columns       a row's columns and the defaults -> the requests that they ask for
rows          all of it: ``read_rows``; the keys by which rows are known again
request       what a batch is handed in with, beside its file
progress      how far the taking in has come
manifest      what its jobs made, a line each
"""
