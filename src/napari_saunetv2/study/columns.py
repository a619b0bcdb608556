"""Columns of the tables of a study, and what they mean."""

from collections.abc import Mapping

from napari_saunetv2.measure import IMAGE_COLUMNS, SEGMENT_COLUMNS

WHO = {
    "file": "photograph, with its subfolder; under pseudonyms, what replaces it",
    "patient": "patient, by the sheet, the pattern or the subfolder; under pseudonyms, what replaces it",
    "eye": "right or left, by the sheet, the pattern, the names or the DICOM file",
    "date": "day on which it was taken, ISO 8601; under pseudonyms only where dates are kept",
    "day": "days since the first photograph of the patient in this study",
    "visit": "visit, by the sheet, the pattern or the subfolder",
}
"""Columns that every table begins with."""

SEEN = {
    "status": "done or failed",
    "edited": "masks that were edited by hand: vessels, av (arteries and veins)",
    "review": "what a reviewer said in Browse: accepted, set aside (seen, and not right), or empty",
    "reviewed": "time of the review in UTC, ISO 8601",
    "reviewer": "who reviewed it, as given in Browse; else empty",
    "changed_since_review": "yes where a mask was written after the review; else empty",
    "height": "rows of the photograph, px",
    "width": "columns of the photograph, px",
    "fov_diameter": "diameter of the field of view, px; empty where none was found",
    "quality": "how well the vessels can be seen, 0 to 1; 0 for what is no fundus photograph",
    "quality_note": "what is wrong, and where",
    "fundus": "yes, or no where several signs speak against a fundus photograph",
    "lit": "share of the field of view that is neither too dark nor too bright, 0 to 1",
    "sharp": "share of the field of view that is not blurred, 0 to 1",
    "contrast": "share of the field of view that is not hazy, 0 to 1",
    "vessel_share_of_fov": "share of the field of view that the program took for vessels, 0 to 1",
    "segments": "number of segments in the table of segments",
    "disc_x": "column of the middle of the optic disc, px",
    "disc_y": "row of the middle of the optic disc, px",
    "disc_r": "radius of the optic disc, px",
    "disc_confidence": "confidence in the disc, 0 to 1",
    "fovea_x": "column of the fovea, px",
    "fovea_y": "row of the fovea, px",
    "fovea_confidence": "confidence in the fovea, 0 to 1",
    "eye_seen": "which eye the picture shows, by its disc and fovea",
    "eye_confidence": "confidence in that, 0 to 1",
    "spacing": "micrometres on the retina that a pixel is wide, by the sheet, the file or the option",
    "threshold": "probability from which a pixel is a vessel",
    "model": "model that found the vessels",
    "remarks": "what is unusual about the photograph, in sentences",
}
"""What is found in a photograph, and said of it."""

FAILURES = {
    "file": WHO["file"],
    "what": "left out: not part of the study; failed: could not be segmented or measured",
    "reason": "why",
}

TABLES: Mapping[str, Mapping[str, str]] = {
    "images'": {**WHO, **IMAGE_COLUMNS},
    "segments'": {**WHO, **SEGMENT_COLUMNS},
    "photographs'": {**WHO, **SEEN},
    "failures'": FAILURES,
}
"""Columns of each table and what they mean."""
