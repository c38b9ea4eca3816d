"""What a file may say of the physical world: the one place where its values are held against what scanners can be.

Pitch, air level and extent set how large arrays become and what logarithms give; a value that no scanner has is refused
before the first arithmetic on it. Voltages: `nii.io.energies`; numbers of pixels: `nii.scan.check_size`.
"""

from nii.errors import ScanError

PITCH_MM = (0.02, 50.0)  # microfocus tubes resolve 0.05 mm; portals have 3 to 15 mm
LARGEST_M2 = 500.0  # 100 m of train, 5 m high; what is looked at on a grid of 10 mm has 5 million points
AIR = (1e-3, 1e9)  # counts of a beam that nothing attenuates; images of floats may be scaled to 1


def check_pitch(pitch_mm: tuple[float, float], shape: tuple[int, int], name: str) -> None:
    """Raise ScanError for a pitch (row, column) that no scanner has, or an object (rows, columns) beyond any train."""
    low, high = PITCH_MM
    if not all(low <= pitch <= high for pitch in pitch_mm):
        came = " x ".join(f"{pitch:g}" for pitch in pitch_mm)
        raise ScanError(f"{name}: expected a pixel pitch of {low:g} to {high:g} mm, came {came} mm")
    tall, wide = (n * pitch / 1000 for n, pitch in zip(shape, pitch_mm, strict=True))
    if not tall * wide <= LARGEST_M2:
        raise ScanError(
            f"{name}: expected an object of at most {LARGEST_M2:g} m2, came {wide:.4g} x {tall:.4g} m by its pitch"
        )


def check_air(levels: tuple[float, ...], name: str) -> None:
    """Raise ScanError for air levels (open beam, counts) that no detector counts."""
    low, high = AIR
    if not all(low <= level <= high for level in levels):
        came = ", ".join(f"{level:g}" for level in levels)
        raise ScanError(f"{name}: expected an air level (open_beam) of {low:g} to {high:g} counts, came {came}")
