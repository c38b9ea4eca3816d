"""Triangle meshes against the closed forms of the same solids."""

import numpy as np
import pytest
import trimesh

from nii.errors import UsageError
from nii.simulate.render.meshes import read_mesh
from nii.simulate.render.scene import Part, areal_densities
from nii.simulate.render.shapes import Box, Cylinder, Mesh, View

VIEW = View(np.arange(5.0, 400, 10), np.arange(395.0, 0, -10), -3000.0, 520.0)


def full(shape):
    """Path lengths over the whole picture."""
    out = np.zeros((VIEW.z.size, VIEW.x.size))
    patch = shape.path(VIEW)
    out[patch.rows, patch.columns] = patch.path
    return out


def box_mesh(box):
    sides = np.array([box.x, box.y, box.z])
    made = trimesh.creation.box(bounds=sides.T)
    return Mesh(np.asarray(made.triangles, np.float64))


def test_a_box_of_triangles_is_the_box():
    box = Box((103.0, 251.0), (-81.0, 140.0), (62.0, 217.0))
    np.testing.assert_allclose(full(box_mesh(box)), full(box), atol=1e-6)
    assert box_mesh(box).volume_cm3 == pytest.approx(box.volume_cm3)
    assert box_mesh(box).bounds == box


def test_a_hollow_mesh_has_two_walls():
    made = trimesh.creation.annulus(r_min=40, r_max=60, height=180, sections=720)
    made.apply_translation([200, 0, 210])
    tube = full(Cylinder((200.0, 0.0, 210.0), 60, 180, "z")) - full(Cylinder((200.0, 0.0, 210.0), 40, 180, "z"))
    assert np.abs(full(Mesh(np.asarray(made.triangles, np.float64))) - tube).max() < 0.6  # 720 flat sides


def test_a_mesh_moves_turns_and_mirrors_as_other_solids_do():
    box = Box((103.0, 251.0), (-81.0, 140.0), (62.0, 217.0))
    mesh = box_mesh(box)
    for change in (lambda s: s.shifted((21.0, -7.0, 33.0)), lambda s: s.turned(), lambda s: s.mirrored("x", 190.0)):
        np.testing.assert_allclose(full(change(mesh)), full(change(box)), atol=1e-6)
        assert change(mesh).volume_cm3 == pytest.approx(box.volume_cm3), "faces still turn outwards"


def test_a_file_becomes_a_part_of_a_scene(tmp_path):
    path = tmp_path / "press.stl"
    made = trimesh.creation.icosphere(subdivisions=4, radius=80)
    made.apply_translation([200, 0, 200])
    made.export(path)
    layer = areal_densities([Part(read_mesh(path), "steel", 7.85)], VIEW)["steel"]
    assert layer.max() == pytest.approx(16 * 7.85, rel=0.01)
    made.invert()
    made.export(path)
    assert read_mesh(path).volume_cm3 == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.01), (
        "an inside-out file is put right"
    )


def test_what_is_no_closed_mesh_gives_one_line(tmp_path):
    opened = trimesh.creation.box(extents=(10, 10, 10))
    opened.update_faces(np.arange(len(opened.faces)) > 0)
    opened.export(tmp_path / "open.stl")
    (tmp_path / "text.ply").write_text("no mesh at all")
    wrong = {
        "open.stl": "closed mesh",
        "text.ply": "expected a",
        "a.pkl": "expected a mesh as one of",
        "none.stl": "came none or a larger one",
    }
    for name, came in wrong.items():
        with pytest.raises(UsageError, match=came):
            read_mesh(tmp_path / name)
