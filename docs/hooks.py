"""MkDocs hook: pages and pictures that lie beside the code join the site.

Every page is known by its path in the repository, so that its links are the same there and on the site: docs/index.md
links to ../nii/models/cargo.md, which is the page code/nii/models/cargo/ of the site.
"""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parent.parent
BESIDE = (
    "*.md",
    "CITATION.cff",
    "LICENSE",
    ".github/ISSUE_TEMPLATE/*",
    "nii/models/*.md",
    "datasets/*.md",
    "datasets/pictures/*",
    "seeds/*.md",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Give pages of docs/ their path in the repository, and add what lies beside docs/."""

    def known_by(path: str, dest: str, inclusion: InclusionLevel) -> File:
        return File(path, str(ROOT), config.site_dir, config.use_directory_urls, dest_uri=dest, inclusion=inclusion)

    pages = [
        known_by(f"docs/{file.src_uri}", file.dest_uri, file.inclusion) if file.src_dir == config.docs_dir else file
        for file in files
    ]
    for path in sorted(path for pattern in BESIDE for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        dest = f"{name.removesuffix('.md')}/index.html" if path.suffix == ".md" else name.removeprefix(".")
        pages.append(known_by(name, f"code/{dest}", InclusionLevel.NOT_IN_NAV))
    return Files(pages)
