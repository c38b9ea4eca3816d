"""What makes the standards that ship, and what measures the figures that the documentation claims.

`nii study NAME` runs one; each is a module with a `main` of its own.
"""

STUDIES = (
    "compare",
    "compare_standard",
    "coverage",
    "declared",
    "empty",
    "empty_standard",
    "judge_coverage",
    "library",
    "naming",
    "physics",
    "unseen",
    "unseen_standard",
)
