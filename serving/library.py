"""Pictures of the known concealments that records name as similar."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Path, Response

from nii.analysis.known.library import library
from serving.openapi import LIBRARY_PICTURE, problems
from serving.problems import Problem

EntryId = Annotated[str, Path(description="`id` of a similar concealment in a region", pattern="^[a-z_]+-[0-9]{2}$")]


def add_library_route(app: FastAPI, guards: Sequence[Any]) -> None:
    """Add the route."""
    answers = {**LIBRARY_PICTURE, **problems(400, 401, 404)}

    @app.get("/v1/library/{entry}.png", dependencies=guards, response_class=Response, responses=answers)
    def library_picture(entry: EntryId) -> Response:
        """The excess layer of a known concealment: nothing is white, the densest black."""
        picture = library().png(entry)
        if picture is None:
            raise Problem(404, "entry: expected the id of a known concealment, came another")
        return Response(picture, media_type="image/png")
