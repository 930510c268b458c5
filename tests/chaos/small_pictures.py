"""``python -m tests.chaos.small_pictures sandbox ...``: the sandbox with thumbnails for pictures.

Drawing one at its real size takes longer than all else that a job needs together.
"""

from worker.entrypoints.cli import main
from worker.sandbox import pictures

if __name__ == "__main__":
    pictures.EDGE = 64
    main()
