"""DICOS DX images: made here with pydicom, and real files of another maker's toolkit."""

import importlib.util
import io
import struct
import sys

import cv2
import numpy as np
import pytest
from dx_files import COLUMNS, ROWS, counts, dx
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, RLELossless

from nii.errors import ScanError
from nii.io.dx import read_dicos
from nii.io.read import decode_scan, read_scan
from nii.scan import Kind

J2K, JPEG_LS = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"
JPEG_SV1, JPEG_BASELINE, MPEG = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.100"
JPEG_LS_HEADER = b"\xff\xd8\xff\xf7\x00\x0b\x10" + bytes([0, ROWS, 0, COLUMNS]) + b"\x01\x01\x11\x00"
needs_imagecodecs = pytest.mark.skipif(
    importlib.util.find_spec("imagecodecs") is None, reason="need imagecodecs, an optional decoder"
)


def test_a_dx_gives_transmission_and_says_what_was_assumed() -> None:
    scan = decode_scan(
        dx(counts(), KVP="6000", Manufacturer="Acme", ManufacturerModelName="Gate", PixelSpacing=[4, 5]),
        "a.dcs",
    )
    assert scan.kind is Kind.TRANSMISSION
    assert scan.transmission.shape == (1, ROWS, COLUMNS)
    assert scan.transmission[0, 0, 0] == 1.0
    assert scan.transmission[0, 10, 15] == 0.25
    assert (scan.energies, scan.pitch_mm, scan.scanner) == (("6MV",), (4.0, 5.0), "Acme Gate")
    assert "linear in the beam's intensity" in scan.notes[0]
    assert "air level estimated" in scan.notes[1]


@pytest.mark.parametrize(("kvp", "energies"), [("160", ("160kV",)), ("5000", ("5MV",)), ("1", ()), (None, ())])
def test_kvp_names_the_energy_unless_it_was_left_unset(kvp: str | None, energies: tuple[str, ...]) -> None:
    assert decode_scan(dx(counts(), KVP=kvp), "a").energies == energies


def test_the_detectors_pitch_is_used_only_with_a_magnification() -> None:
    assert decode_scan(dx(counts(), ImagerPixelSpacing=[4, 4]), "a").pitch_mm is None
    told = dx(counts(), ImagerPixelSpacing=[4, 4], EstimatedRadiographicMagnificationFactor="2")
    assert decode_scan(told, "a").pitch_mm == (2.0, 2.0)


def test_inverse_pixels_are_turned_round() -> None:
    scan = decode_scan(dx(65535 - counts(), PixelIntensityRelationshipSign=-1), "a")
    assert scan.transmission[0, 10, 15] == pytest.approx(0.25)
    assert "inverted" in scan.notes[0]


def test_a_rescale_intercept_is_a_dark_level() -> None:
    scan = decode_scan(dx(counts() + 100, RescaleSlope="2", RescaleIntercept="-200"), "a")
    assert scan.transmission[0, 10, 15] == pytest.approx(0.25)


def test_a_dx_for_presentation_is_read_without_its_window_and_says_so() -> None:
    scan = decode_scan(dx(counts(), PresentationIntentType="FOR PRESENTATION", WindowCenter="5", WindowWidth="2"), "a")
    assert scan.transmission[0, 10, 15] == 0.25
    assert any("for presentation" in note for note in scan.notes)
    assert any("window not applied" in note for note in scan.notes)


def item(**tags: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


def big_endian(pixels: np.ndarray, **tags: object) -> bytes:
    """A DX whose pixels are stored high byte first."""
    keyword = {"uint16": "PixelData", "float32": "FloatPixelData", "float64": "DoubleFloatPixelData"}[pixels.dtype.name]
    return dx(pixels, syntax=ExplicitVRBigEndian, **{keyword: pixels.byteswap().tobytes()} | tags)


INVERSE = 65535 - counts()
TWELVE = (counts() >> 4) & 0xFFF
OVERLAID = TWELVE.copy()
OVERLAID[2:4, 3:30] |= 0x8000
NO_SIGN = {"PixelIntensityRelationshipSign": None}
NARROW = {"BitsStored": 12, "HighBit": 11}


def colour() -> np.ndarray:
    """Air in white around orange."""
    rgb = np.full((ROWS, COLUMNS, 3), 255, np.uint8)
    rgb[5:15, 8:26] = (240, 140, 30)
    rgb[8:12, 8:26] = (60, 180, 90)
    return rgb


RIGHT = {  # what every one of these tells is the same scan
    "as it is": dx(counts()),
    "MONOCHROME1 without a sign": dx(INVERSE, **NO_SIGN, PhotometricInterpretation="MONOCHROME1"),
    "INVERSE without a sign": dx(INVERSE, **NO_SIGN, PresentationLUTShape="INVERSE"),
    "MONOCHROME1 and INVERSE, one and the same turn": dx(
        INVERSE, **NO_SIGN, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"
    ),
    "MONOCHROME1 of sign -1": dx(INVERSE, PhotometricInterpretation="MONOCHROME1", PixelIntensityRelationshipSign=-1),
    "MONOCHROME1 of sign 1": dx(counts(), PhotometricInterpretation="MONOCHROME1"),
    "sign -1, turned by its rescale": dx(
        INVERSE, PixelIntensityRelationshipSign=-1, RescaleSlope="-1", RescaleIntercept="65535"
    ),
    "sign -1, scaled": dx(INVERSE, PixelIntensityRelationshipSign=-1, RescaleSlope="0.5", RescaleIntercept="0"),
    "12 of 16 bits": dx(TWELVE, **NARROW),
    "12 bits and an overlay": dx(OVERLAID, **NARROW),
    "12 bits, sign -1": dx(0xFFF - TWELVE, PixelIntensityRelationshipSign=-1, **NARROW),
    "high byte first": big_endian(counts()),
    "floats, high byte first": big_endian(counts().astype(np.float32)),
    "doubles": dx(counts().astype(float), DoubleFloatPixelData=counts().astype(float).tobytes(), FloatPixelData=None),
    "doubles, high byte first": big_endian(counts().astype(float), FloatPixelData=None),
    "the toolkit's rescale type": dx(counts(), RescaleSlope="1", RescaleIntercept="0", RescaleType="HU"),
    "sign and relationship untold": dx(counts(), PixelIntensityRelationship=None, PixelIntensityRelationshipSign=None),
}  # fmt: skip


@pytest.mark.parametrize("kind", RIGHT)
def test_what_changes_the_meaning_of_a_pixel_is_applied(kind: str) -> None:
    scan = decode_scan(RIGHT[kind], "a")
    assert scan.transmission[0] == pytest.approx(counts() / 40000, abs=3e-4)  # 12 bits: steps of 1/2500


NOTED = {
    "MONOCHROME1 of sign 1": (dx(counts(), PhotometricInterpretation="MONOCHROME1"), "as the sign says"),
    "turned": (RIGHT["MONOCHROME1 without a sign"], "shown inverse (inverted)"),
    "untold": (RIGHT["sign and relationship untold"], "intensity (not told)"),
    "window": (dx(counts(), WindowCenter="5", WindowWidth="2"), "window not applied"),
    "VOI table": (dx(counts(), VOILUTSequence=[item(LUTExplanation="x")]), "window not applied"),
    "presentation table": (dx(counts(), PresentationLUTSequence=[item(LUTExplanation="x")]), "presentation table not"),
    "palette of a grey image": (dx(counts(), RedPaletteColorLookupTableDescriptor=[4, 0, 8]), "palette not applied"),
    "real world values": (dx(counts(), RealWorldValueMappingSequence=[item(LUTLabel="x")]), "real world values not"),
    "annotation": (dx(counts(), BurnedInAnnotation="YES"), "burned-in annotation"),
    "an overlay in the bits above": (dx(OVERLAID, **NARROW), "overlays, left out"),
    "the same, high byte first": (big_endian(OVERLAID, **NARROW), "overlays, left out"),
    "lossy before": (dx(counts(), LossyImageCompression="01"), "lossy compression"),
    "rotated": (dx(counts(), FieldOfViewRotation="90"), "field of view rotated"),
    "flipped": (dx(counts(), FieldOfViewHorizontalFlip="YES"), "field of view rotated or flipped"),
    "turned object": (dx(counts(), ImageOrientationPatient=[0, 1, 0, 1, 0, 0]), "orientation 0 1 0 1 0 0: left"),
    "object's sides": (dx(counts(), PatientOrientation=["L", "H"]), "patient orientation L H"),
    "pixels that are not square": (dx(counts(), PixelAspectRatio=[2, 1]), "pixel aspect 2:1"),
    "no voltage": (dx(counts(), KVP="1"), "KVP 1 is no voltage"),
}


@pytest.mark.parametrize("kind", NOTED)
def test_what_is_for_display_or_was_lost_before_is_said(kind: str) -> None:
    data, said = NOTED[kind]
    scan = decode_scan(data, "a")
    assert scan.transmission[0, 10, 15] == pytest.approx(0.25, abs=3e-4)
    assert any(said in note for note in scan.notes)


def test_a_plain_dx_says_no_more_than_how_it_was_taken() -> None:
    assert len(decode_scan(dx(counts(), ImageOrientationPatient=[1, 0, 0, 0, 1, 0], KVP="6000"), "a").notes) == 2


def test_overlay_planes_are_left_out_and_said() -> None:
    overlay = dx(counts())
    dataset = read_dicos(overlay, "a")
    dataset.add_new(0x60000010, "US", ROWS)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    assert any("overlays, left out" in note for note in decode_scan(buffer.getvalue(), "a").notes)


def padded(value: float, dtype: type = np.uint16) -> np.ndarray:
    pixels = counts().astype(dtype)
    pixels[:, :6] = value
    return pixels


PADDED = {
    "the highest value": dx(padded(65535), PixelPaddingValue=65535),
    "zero": dx(padded(0), PixelPaddingValue=0),
    "a range from above": dx(padded(65533), PixelPaddingValue=65535, PixelPaddingRangeLimit=65530),
    "a range from below": dx(padded(3), PixelPaddingValue=0, PixelPaddingRangeLimit=5),
    "inverse pixels": dx(
        np.where(padded(0) == 0, 0, INVERSE).astype(np.uint16), PixelPaddingValue=0, PixelIntensityRelationshipSign=-1
    ),
    "before the rescale": dx(padded(0), PixelPaddingValue=0, RescaleSlope="2", RescaleIntercept="60"),
    "all of 12 bits": dx(padded(65535) >> 4, PixelPaddingValue=4095, **NARROW),
    "floats": dx(padded(-1, np.float32), FloatPixelPaddingValue=-1.0),
    "floats above all": dx(padded(1e9, np.float32), FloatPixelPaddingValue=1e9),
    "a range of floats": dx(padded(-5, np.float32), FloatPixelPaddingValue=-9.0, FloatPixelPaddingRangeLimit=-1.0),
}  # fmt: skip


@pytest.mark.parametrize("kind", PADDED)
def test_padding_is_no_measurement(kind: str) -> None:
    scan = decode_scan(PADDED[kind], "a")
    assert (scan.transmission[0, :, :6] == 1).all()
    assert scan.transmission[0, 10, 15] == pytest.approx(0.25, abs=2e-3)  # the rescale's intercept is no dark level
    assert any("18 % of the picture is padding" in note for note in scan.notes)


def test_a_value_for_padding_that_no_pixel_has_changes_nothing() -> None:
    scan = decode_scan(dx(counts(), PixelPaddingValue=0), "a")
    assert np.array_equal(scan.transmission, decode_scan(dx(counts()), "a").transmission)
    assert not any("padding" in note for note in scan.notes)


def test_a_pair_knows_the_padding_of_both() -> None:
    scan = decode_scan((dx(padded(0), PixelPaddingValue=0), dx(padded(0), PixelPaddingValue=0)), "a,b")
    assert (scan.transmission[:, :, :6] == 1).all()


def test_colour_is_read_as_an_operator_image_whatever_its_coding() -> None:
    rgb = colour()
    planes = np.ascontiguousarray(rgb.transpose(2, 0, 1))
    tags: dict[str, object] = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    jpeg = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    wide = (rgb.astype(np.uint16) << 4) | 15
    blank = np.zeros((ROWS, COLUMNS), np.uint8)
    for data in (
        dx(blank, **tags, PixelData=rgb.tobytes()),
        dx(blank, **tags | {"PlanarConfiguration": 1}, PixelData=planes.tobytes()),
        dx(blank.astype(np.uint16), **tags, **NARROW, PixelData=wide.tobytes()),
        dx(blank, **tags, frame=jpeg, syntax=JPEG_BASELINE),
        dx(blank, **tags | {"PhotometricInterpretation": "YBR_FULL_422"}, frame=jpeg, syntax=JPEG_BASELINE),
    ):
        scan = decode_scan(data, "a")
        assert scan.kind is Kind.OPERATOR_IMAGE
        assert scan.transmission[:, 6, 15] == pytest.approx([240 / 255, 140 / 255, 30 / 255], abs=0.07)  # chroma halved


@needs_imagecodecs
@pytest.mark.parametrize("told", ["RGB", "YBR_RCT"])
def test_colour_in_jpeg_2000_is_read_under_both_names(told: str) -> None:
    import imagecodecs

    frame = imagecodecs.jpeg2k_encode(colour(), level=0, codecformat="j2k", mct=True)
    data = dx(
        np.zeros((ROWS, COLUMNS), np.uint8), frame=frame, syntax=J2K,
        SamplesPerPixel=3, PhotometricInterpretation=told, PlanarConfiguration=0,
    )  # fmt: skip
    assert np.array_equal(decode_scan(data, "a").transmission, (colour().transpose(2, 0, 1) / np.float32(255)))


@needs_imagecodecs
@pytest.mark.parametrize("syntax", [J2K, JPEG_LS])
def test_bits_above_the_stored_ones_are_cleared_after_every_decoder(syntax: str) -> None:
    import imagecodecs

    jpeg2k = syntax == J2K
    frame = (
        imagecodecs.jpeg2k_encode(OVERLAID, level=0, codecformat="j2k")
        if jpeg2k
        else imagecodecs.jpegls_encode(OVERLAID)
    )
    scan = decode_scan(dx(OVERLAID, frame=frame, syntax=syntax, **NARROW), "a")
    assert np.array_equal(scan.transmission, decode_scan(dx(TWELVE, **NARROW), "a").transmission)
    assert any("overlays" in note for note in scan.notes)


def test_float_pixels_are_read() -> None:
    scan = decode_scan(dx((counts() / 7).astype(np.float32)), "a")
    assert scan.transmission[0, 10, 15] == pytest.approx(0.25)


def test_a_pair_of_one_study_is_ordered_by_image_type() -> None:
    low = dx(counts(8000), ImageType=["ORIGINAL", "PRIMARY", "LOW_ENERGY"], KVP="4000")
    high = dx(counts(10000), ImageType=["ORIGINAL", "PRIMARY", "HIGH ENERGY"], KVP="6000")
    scan = decode_scan((low, high), "low.dcs,high.dcs")
    assert scan.transmission[:, 10, 15] == pytest.approx([0.2, 0.25])
    assert scan.energies == ("4MV", "6MV")
    turned = decode_scan((high, low), "high.dcs,low.dcs")
    assert np.array_equal(turned.transmission, scan.transmission)
    assert any("order exchanged" in note for note in turned.notes)


def test_both_layers_of_one_tube_get_names_of_their_own() -> None:
    scan = decode_scan((dx(counts(8000), KVP="160"), dx(counts(), KVP="160")), "a,b")
    assert scan.energies == ("160kV-low", "160kV-high")


def test_a_palette_gives_an_operator_image() -> None:
    index = (np.arange(ROWS * COLUMNS) % 256).reshape(ROWS, COLUMNS).astype(np.uint8)
    ramp = np.arange(256, dtype=np.uint16) * 257
    palette = {
        f"{colour}PaletteColorLookupTable{what}": value
        for colour, table in (("Red", ramp), ("Green", ramp[::-1]), ("Blue", ramp // 3))
        for what, value in (("Descriptor", [256, 0, 16]), ("Data", table.tobytes()))
    }
    scan = decode_scan(dx(index, PhotometricInterpretation="PALETTE COLOR", **palette), "a")
    assert scan.kind is Kind.OPERATOR_IMAGE
    assert scan.transmission[:, 0, 10] == pytest.approx([10 / 255, 245 / 255, 3 / 255])


def rle(pixels: np.ndarray) -> bytes:
    from pydicom.pixels.encoders import RLELosslessEncoder

    return RLELosslessEncoder.encode(
        pixels, rows=ROWS, columns=COLUMNS, samples_per_pixel=1, bits_allocated=16, bits_stored=16,
        pixel_representation=0, photometric_interpretation="MONOCHROME2", number_of_frames=1,
    )  # fmt: skip


def lossless_jpeg(pixels: np.ndarray) -> bytes:
    """JPEG Lossless (process 14, selection value 1) with a flat 5-bit code for all difference sizes."""
    sizes = 17
    bits = ""
    previous = 1 << 15
    for row, line in enumerate(pixels.tolist()):
        for column, value in enumerate(line):
            predicted = previous if column or not row else int(pixels[row - 1, 0])
            difference = (value - predicted + 32768) % 65536 - 32768
            size = abs(difference).bit_length()
            if size == 16:
                bits += f"{16:05b}"  # 32768 has no further bits
            else:
                code = difference if difference >= 0 else difference + (1 << size) - 1
                bits += f"{size:05b}" + (f"{code:0{size}b}" if size else "")
            previous = value
    bits += "1" * (-len(bits) % 8)
    body = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\x00")
    rows, columns = pixels.shape
    frame = b"\xff\xc3\x00\x0b\x10" + rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + b"\x01\x01\x11\x00"
    lengths = bytes([0, 0, 0, 0, sizes] + [0] * 11)
    table = b"\x00" + lengths + bytes(range(sizes))
    huffman = b"\xff\xc4" + (len(table) + 2).to_bytes(2, "big") + table
    return b"\xff\xd8" + frame + huffman + b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00" + body + b"\xff\xd9"


def test_rle_needs_no_other_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    scan = decode_scan(dx(counts(), frame=rle(counts()), syntax=RLELossless), "a")
    assert scan.transmission[0, 10, 15] == 0.25


def test_baseline_jpeg_needs_no_other_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    grey = (counts() >> 8).astype(np.uint8)
    data = dx(grey, frame=cv2.imencode(".jpg", grey)[1].tobytes(), syntax=JPEG_BASELINE)
    assert decode_scan(data, "a").transmission[0, 10, 15] == pytest.approx(0.25, abs=0.02)


@needs_imagecodecs
@pytest.mark.parametrize("syntax", [J2K, JPEG_LS, JPEG_SV1])
def test_lossless_compression_gives_the_same_scan(syntax: str) -> None:
    import imagecodecs

    encode = {
        J2K: lambda pixels: imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k"),
        JPEG_LS: imagecodecs.jpegls_encode,
        JPEG_SV1: lossless_jpeg,
    }[syntax]
    scan = decode_scan(dx(counts(), frame=encode(counts()), syntax=syntax), "a")
    assert np.array_equal(scan.transmission, decode_scan(dx(counts()), "a").transmission)


@pytest.mark.parametrize("syntax", [J2K, JPEG_LS, JPEG_SV1])
def test_without_the_optional_decoder_the_transfer_syntax_is_named(
    monkeypatch: pytest.MonkeyPatch, syntax: str
) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    frames = {
        J2K: b"\xff\x4f\xff\x51" + bytes(4) + struct.pack(">8IH", COLUMNS, ROWS, 0, 0, 8, 8, 0, 0, 1),
        JPEG_LS: JPEG_LS_HEADER + b"\xff\xd9",
        JPEG_SV1: lossless_jpeg(counts()),
    }
    with pytest.raises(ScanError) as caught:
        decode_scan(dx(counts(), frame=frames[syntax], syntax=syntax), "a.dcs")
    assert UID(syntax).name in str(caught.value)
    assert "imagecodecs" in str(caught.value)


HUGE = lossless_jpeg(counts()).replace(bytes([0x10, 0, ROWS, 0, COLUMNS]), b"\x10\xea\x60\xea\x60", 1)


def noisy() -> np.ndarray:
    return (counts() + np.random.default_rng(1).integers(0, 300, (ROWS, COLUMNS))).astype(np.uint16)


@needs_imagecodecs
@pytest.mark.parametrize("cut", ["half", "zeroed"])
def test_a_lossless_jpeg_that_lost_its_middle_is_refused(cut: str) -> None:
    frame = lossless_jpeg(noisy())
    half = len(frame) // 2
    damaged = {
        "half": frame[:half] + frame[-2:],
        "zeroed": frame[:half] + bytes(60) + frame[half + 60 :],
    }[cut]
    assert decode_scan(dx(noisy(), frame=frame, syntax=JPEG_SV1), "a").transmission.shape == (1, ROWS, COLUMNS)
    with pytest.raises(ScanError, match="a: expected"):
        decode_scan(dx(noisy(), frame=damaged, syntax=JPEG_SV1), "a")


BAD = {
    "a report": (dx(counts(), SOPClassUID="1.2.840.10008.5.1.4.1.1.501.3"), "Threat Detection Report"),
    "a CT": (dx(counts(), SOPClassUID="1.2.840.10008.5.1.4.1.1.501.1"), "DICOS CT Image"),
    "no class": (dx(counts(), SOPClassUID=None), "no SOP class"),
    "two frames": (dx(counts(), NumberOfFrames="2"), "one frame per DX file, came 2"),
    "one row": (dx(counts()[:1]), "came 34x1"),
    "huge": (dx(counts(), Rows=60000, Columns=60000), "came 60000x60000"),
    "frame larger than told": (
        dx(counts(), frame=HUGE, syntax=JPEG_SV1),
        "(20, 34, 1), came (60000, 60000, 1)",
    ),
    "JPEG-LS without an end": (
        dx(counts(), frame=JPEG_LS_HEADER + bytes(60), syntax=JPEG_LS),
        "without its end marker",
    ),
    "JPEG-LS of 3 samples": (
        dx(counts(), frame=JPEG_LS_HEADER.replace(b"\x01\x01\x11", b"\x03\x01\x11"), syntax=JPEG_LS),
        "(20, 34, 1), came (20, 34, 3)",
    ),
    "pixels cut": (dx(counts(), PixelData=counts().tobytes()[:-200]), "readable DICOS DX"),
    "no pixels": (dx(counts(), PixelData=None), "readable DICOS DX"),
    "no rows": (dx(counts(), Rows=None), "readable DICOS DX"),
    "signed": (dx(counts().astype(np.int16)), "came signed ones"),
    "32 bits": (dx(counts().astype(np.uint32)), "came 32"),
    "float cut": (dx(counts().astype(np.float32), FloatPixelData=bytes(8)), "680 float pixels, came 2"),
    "float NaN": (dx(np.full((ROWS, COLUMNS), np.nan, np.float32)), "NaN"),
    "12 bits at the top": (dx(TWELVE << 4, BitsStored=12, HighBit=15), "12 of 16 bits up to bit 15"),
    "more bits than there is room for": (dx(counts(), BitsStored=20, HighBit=19), "20 of 16 bits"),
    "sign 0": (dx(counts(), PixelIntensityRelationshipSign=0), "Sign 1 or -1, came 0"),
    "sign 1, turned by its rescale": (
        dx(counts(), RescaleSlope="-1", RescaleIntercept="65535"),
        "RescaleSlope above 0 unless the sign is -1, came -1",
    ),
    "no sign, turned by its rescale": (
        dx(counts(), RescaleSlope="-1", RescaleIntercept="65535", PixelIntensityRelationshipSign=None),
        "RescaleSlope above 0",
    ),
    "sign -1 with an intercept": (
        dx(INVERSE, PixelIntensityRelationshipSign=-1, RescaleSlope="1", RescaleIntercept="5"),
        "whose zero of intensity is known",
    ),
    "inverse floats": (
        dx(INVERSE.astype(np.float32), PixelIntensityRelationshipSign=-1),
        "whose zero of intensity is known",
    ),
    "two voltages": (dx(counts(), KVP=["4000", "6000"]), "came several numbers as KVP"),
    "no high bit": (dx(counts(), HighBit=None), "no attribute 'HighBit'"),
    "slope 0": (dx(counts(), RescaleSlope="0"), "finite rescale, came slope 0"),
    "optical density": (dx(counts(), RescaleType="OD"), "came RescaleType OD"),
    "Hounsfield units": (dx(counts(), RescaleSlope="2", RescaleType="HU"), "came RescaleType HU"),
    "modality table": (dx(counts(), ModalityLUTSequence=[item(LUTExplanation="x")]), "came ModalityLUTSequence"),
    "functional groups": (
        dx(counts(), SharedFunctionalGroupsSequence=[item(LUTExplanation="x")]),
        "came SharedFunctionalGroupsSequence",
    ),
    "another colour space": (dx(counts(), PhotometricInterpretation="HSV"), "MONOCHROME1 or MONOCHROME2, came HSV"),
    "native luminance and chroma": (
        dx(
            np.zeros((ROWS, COLUMNS), np.uint8),
            PixelData=colour().tobytes(),
            SamplesPerPixel=3,
            PhotometricInterpretation="YBR_FULL",
            PlanarConfiguration=0,
        ),
        "expected RGB, came YBR_FULL",
    ),
    "two images in one": (dx(counts(), PixelData=counts().tobytes() * 2), "bytes of one image, came 2720"),
    "floats beside pixels": (dx(counts(), FloatPixelData=counts().astype(np.float32).tobytes()), "came several"),
    "padding alone": (dx(counts(), PixelPaddingValue=0, PixelPaddingRangeLimit=65535), "came padding alone"),
    "padding's limit alone": (dx(counts(), PixelPaddingRangeLimit=5), "PixelPaddingValue beside its range limit"),
    "8 bits in 16": (
        dx(counts(), frame=cv2.imencode(".jpg", (counts() >> 8).astype(np.uint8))[1].tobytes(), syntax=JPEG_BASELINE),
        "expected pixels of uint16 (BitsAllocated), came uint8",
    ),
    "colour told as grey": (
        dx(
            np.zeros((ROWS, COLUMNS), np.uint8), frame=cv2.imencode(".jpg", colour())[1].tobytes(), syntax=JPEG_BASELINE
        ),
        "(20, 34, 1), came (20, 34, 3)",
    ),
    "logarithmic": (dx(counts(), PixelIntensityRelationship="LOG"), "LIN, came LOG"),
    "effective Z": (dx(counts(), ImageType=["DERIVED", "PRIMARY", "Z_EFFECTIVE"]), "came Z_EFFECTIVE"),
    "basis material": (
        dx(counts(), ImageType=["DERIVED", "PRIMARY", "BASIS_MATERIAL_1"]),
        "BASIS_MATERIAL_1",
    ),
    "film": (dx(counts(), frame=b"\0" * 20, syntax=MPEG), "readable transfer syntax, came MPEG2"),
    "damaged frame": (dx(counts(), frame=rle(counts())[:40] + bytes(60), syntax=RLELossless), "DICOS"),
    "cut": (dx(counts())[:400], "DICOS"),
    "two studies": ((dx(counts()), dx(counts(), StudyInstanceUID="2.25.9")), "came two studies"),
    "low twice": ((dx(counts(), ImageType=["ORIGINAL", "PRIMARY", "LOW_ENERGY"]),) * 2, "came low twice"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_dx_gives_one_line_that_names_the_file(case: str) -> None:
    data, expected = BAD[case]
    with pytest.raises(ScanError) as caught:
        decode_scan(data, "bad.dcs")
    assert str(caught.value).startswith("bad.dcs")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_deflated_dx_is_refused_before_it_is_unpacked() -> None:
    data = dx(counts(), syntax="1.2.840.10008.1.2.1.99")
    with pytest.raises(ScanError, match="undeflated"):
        decode_scan(data, "a.dcs")


@needs_imagecodecs
def test_the_toolkits_own_files_are_read(shared) -> None:  # type: ignore[no-untyped-def] # fixture
    folder = shared / "dicos"
    ramp = read_scan(folder / "SimpleProcessingDX.dcs")
    assert ramp.transmission.shape == (1, 128, 256)
    packed = read_scan(folder / "SimplePresentationDX.dcs")
    assert np.array_equal(packed.transmission, ramp.transmission)  # the same ramp, in JPEG Lossless
    assert read_scan(folder / "SimpleColorPaletteDX.dcs").kind is Kind.OPERATOR_IMAGE
    version_2 = read_scan(folder / "V02A_DX" / "DX_float.dcs")
    version_3 = read_scan(folder / "V03_DXwithTDR" / "dx.dcs")
    assert np.array_equal(version_2.transmission, version_3.transmission)
    assert version_3.energies == ("5MV",)
    assert (read_scan(folder / "V02A_DX" / "DX_01_ExplicitLittlEndian.dcs").transmission == 1.0).all()
    with pytest.raises(ScanError, match="came DICOS Threat Detection Report"):
        read_scan(folder / "SimpleBaggageTDR.dcs")
