"""Who may import whom, and how little a plain start costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("nii", "training", "serving")
FORBIDDEN = {
    "nii": {"torch", "torchvision", "fastapi", "starlette", "uvicorn"},
    "training": {"fastapi", "starlette", "uvicorn"},
    "serving": {"torch", "torchvision"},
}
GROUND = {
    "__init__",
    "bounds",
    "errors",
    "names",
    "scan",
    "workers",
}  # loose modules of nii/ that every room may use


def layers() -> dict[str, set[str]]:
    """Rooms and the rooms that they import, from the top down, as the architecture page shows them."""
    rows = (ROOT / "docs" / "layers.md").read_text().splitlines()[2:]
    cells = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows]
    return {Path(place).stem: set(imports.split()) for place, _, imports in cells}


def imported_by(path: Path) -> set[str]:
    """Dotted names that a module imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(name: str) -> str:
    """The room of a dotted name. Examples: nii.io.read is in io, nii.scan in scan, training.train in training."""
    first, *rest = name.split(".")
    if first != "nii":
        return first
    return rest[0] if rest and not rest[0].startswith("__") else "__init__"


def rooms_used_by(place: str) -> set[str]:
    """Rooms that the modules of one room import; the loose modules on the ground aside."""
    top = ROOT / place if place in PACKAGES else ROOT / "nii" / place
    modules = sorted(top.rglob("*.py")) if top.is_dir() else [top.with_suffix(".py")]
    used = {room(name) for path in modules for name in imported_by(path) if name.split(".")[0] in PACKAGES}
    return used - GROUND - {place}


@pytest.mark.parametrize("place", layers())
def test_a_room_imports_what_the_architecture_page_says_of_it(place):
    assert rooms_used_by(place) == layers()[place]


def test_every_room_imports_only_rooms_below_it():
    order = list(layers())
    upward = {place: imports - set(order[order.index(place) + 1 :]) for place, imports in layers().items()}
    assert {place: rooms for place, rooms in upward.items() if rooms} == {}


def test_every_room_is_on_the_architecture_page():
    rooms = {path.parent.name for path in (ROOT / "nii").glob("*/__init__.py")} - {"models"}  # which holds no code
    loose = {path.stem for path in (ROOT / "nii").glob("*.py")}
    assert set(layers()) == rooms | (loose - GROUND) | {"serving", "training"}


@pytest.mark.parametrize("name", sorted(GROUND - {"__init__"}))
def test_the_ground_imports_no_room(name):
    assert rooms_used_by(name) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_they_may(package):
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    wrong = {
        str(path.relative_to(ROOT)): {name.split(".")[0] for name in imported_by(path)} & FORBIDDEN[package]
        for path in modules
    }
    assert {path: names for path, names in wrong.items() if names} == {}


def test_datasets_and_tests_are_no_packages():
    assert not list((ROOT / "datasets").rglob("__init__.py"))
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_no_folder_of_tests_hides_a_package():
    """A folder `training` on the path would be taken for the package that an editable install finds later."""
    assert not set(PACKAGES) & {path.name for path in (ROOT / "tests").iterdir()}


def test_every_package_is_listed_for_the_wheel():
    import tomllib

    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert listed == found


@pytest.mark.parametrize("heavy", ["torch", "onnxruntime", "cv2", "scipy", "pydicom", "duckdb", "sklearn", "xraylib"])
def test_help_does_not_import(heavy):
    code = f"import sys; from nii.cli import main\ntry: main(['--help'])\nfinally: assert {heavy!r} not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "score" in done.stdout
