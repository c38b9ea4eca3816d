"""Triangle meshes that a user brings, such as a scanned pill press, as solids for scenes."""

from pathlib import Path

import numpy as np

from nii.errors import UsageError
from nii.simulate.render.shapes import Mesh

LARGEST = 100_000_000  # bytes of a mesh file
FORMATS = (".obj", ".off", ".ply", ".stl")


def read_mesh(path: str | Path) -> Mesh:
    """A closed mesh from an STL, PLY, OBJ or OFF file in mm: x along the travel, y away from the source, z up.

    Example: Part(shifted(read_mesh("press.stl"), (2000, 0, 150)), "steel", 7.85) stands in a scene.
    Needs the package trimesh (pip install 'nii[mesh]'). Raises UsageError for a file that is no closed mesh.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: expected a mesh as one of {', '.join(FORMATS)}, came {path.suffix or 'no ending'}")
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise UsageError(f"{path}: expected a mesh file of at most {LARGEST} bytes, came none or a larger one")
    try:
        import trimesh
    except ModuleNotFoundError as error:
        raise UsageError("meshes: expected the package trimesh, came none; pip install 'nii[mesh]'") from error
    try:
        mesh = trimesh.load_mesh(path)
        closed = isinstance(mesh, trimesh.Trimesh) and mesh.is_watertight and mesh.is_winding_consistent
    except Exception as error:
        raise UsageError(
            f"{path}: expected a mesh, came {str(error).splitlines()[0] if str(error) else error!r}"
        ) from error
    if not closed:
        raise UsageError(f"{path}: expected a closed mesh whose faces all turn outwards, came another one")
    triangles = np.asarray(mesh.triangles, np.float64)
    return Mesh(triangles if mesh.volume > 0 else triangles[:, ::-1])
