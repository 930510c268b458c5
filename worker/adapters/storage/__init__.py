"""Files: what a result's are called, which are kept, how they come to us, and where they are.

Pictures that are handed in are here, too (``inputs``). When they are fetched, and what comes of it
for the job, is said in ``worker.services.assets``.
"""
