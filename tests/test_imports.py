"""Who may import whom, and how little a plain start costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = {
    "nii": {"training", "serving", "torch", "torchvision", "fastapi", "starlette", "uvicorn"},
    "training": {"serving", "fastapi", "starlette", "uvicorn"},
    "serving": {"training", "torch", "torchvision"},
}


def imported_by(path: Path) -> set[str]:
    """Top-level names that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_packages_import_only_what_they_may(package):
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    wrong = {str(path.relative_to(ROOT)): imported_by(path) & FORBIDDEN[package] for path in modules}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_datasets_and_tests_are_no_packages():
    assert not list((ROOT / "datasets").rglob("__init__.py"))
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_every_package_is_listed_for_the_wheel():
    import tomllib

    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in FORBIDDEN
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert listed == found


@pytest.mark.parametrize("heavy", ["torch", "onnxruntime", "cv2", "scipy", "pydicom", "duckdb", "sklearn", "xraylib"])
def test_help_does_not_import(heavy):
    code = f"import sys; from nii.cli import main\ntry: main(['--help'])\nfinally: assert {heavy!r} not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "score" in done.stdout
