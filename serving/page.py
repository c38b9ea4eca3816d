"""The viewer page: a few static files, read once, so that no request touches the file system."""

from importlib.resources import files

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


def viewer_files() -> dict[str, tuple[bytes, str]]:
    """Content and media type by path; index.html is at /."""
    found = {}
    for file in files("serving").joinpath("viewer").iterdir():
        kind = next((kind for ending, kind in TYPES.items() if file.name.endswith(ending)), None)
        if kind is not None:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            found[path] = (file.read_bytes(), kind)
    return found
