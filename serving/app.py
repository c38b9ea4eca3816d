"""The service, from top to bottom: what is loaded at start, the routes, and how errors are answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException

from nii import __version__
from nii.analysis.declared.registry import read_registry
from nii.analysis.record import smallest_usable_pfa
from nii.errors import NiiError
from nii.io.apart import start_decoders
from nii.model.detector import Detector
from nii.run.batch import ModelPool
from nii.run.drift import DriftMonitor
from serving.keys import Keys
from serving.library import add_library_route
from serving.log import LOGGER, say
from serving.metrics import Figures
from serving.middleware import RequestMiddleware
from serving.openapi import METRICS_RESPONSES, REQUEST_BODY, problems, scan_responses
from serving.page import viewer_files
from serving.problems import STORE_RETRY, Problem, problem_response, translate
from serving.records import add_record_routes, open_store
from serving.schema import Models as ModelList
from serving.scoring import ScanResponse, load_models, score, trace, warm
from serving.settings import Settings
from serving.upload import UploadMemory, read_upload
from serving.work import WorkerPool

STORE_SECONDS = 3.0  # between looks at the record store
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
key_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="Authorization: Bearer KEY will do too.")


class Service:
    """What the requests of one application share."""

    def __init__(self, settings: Settings, models: ModelPool | None) -> None:
        self.settings = settings
        self.keys = Keys(settings.keys_file) if settings.keys_file else None
        self.pool = WorkerPool(settings.n_workers, settings.waiting)
        self.models = models or ModelPool(settings.model, settings.threads)
        self.figures = Figures(self.pool, lambda: self.models.drift.states(), lambda: self.scanners)
        self.held = UploadMemory(settings.max_held_bytes)
        self.store = open_store(settings)
        self.registry = read_registry(settings.registry) if settings.registry else None
        self.scanners: frozenset[str] = frozenset()
        self.fault = ""  # of the store, as long as it takes no records
        self.ready = False

    def check_ready(self) -> None:
        """Raise Problem while models are loaded and while the store takes no records."""
        if not self.ready:
            raise Problem(503, "service: expected to be ready, came still loading", {"Retry-After": "1"})
        if self.fault:
            raise Problem(503, self.fault, {"Retry-After": STORE_RETRY})

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Load before the first request, warm while /readyz answers 503, and let running scans end at the stop."""
        start_decoders(self.settings.n_workers)
        if not self.models.loaded:
            self.models = await asyncio.to_thread(load_models, self.settings)
        contracts = [one.contract for one in self.models.loaded.values()]
        own = {made.scanner for one in contracts for made in one.calibrations if made.scanner}
        self.scanners = frozenset(own | set(filter(None, map(str.strip, self.settings.scanners.split(",")))))
        self.models.drift = DriftMonitor(self.scanners)
        if self.store:
            self.models.drift.restore(self.store.drift(), contracts)
        warming, watching = asyncio.create_task(self.warm()), asyncio.create_task(self.watch_store())
        try:
            yield
        finally:
            self.ready = False
            watching.cancel()
            await asyncio.gather(warming, watching, return_exceptions=True)
            self.pool.close()
            if self.store:
                await asyncio.to_thread(self.look_after_store)
                self.store.close()

    async def watch_store(self) -> None:
        """Know whether the store works without a request that waits for it."""
        while self.store is not None:
            await asyncio.sleep(STORE_SECONDS)
            await asyncio.to_thread(self.look_after_store)

    def look_after_store(self) -> None:
        """Keep in it what is known of scanners, or note that it takes nothing."""
        assert self.store is not None  # noqa: S101 - whoever calls has seen it
        try:
            self.store.check()
            self.store.keep_drift(self.models.drift.saved())
        except NiiError as error:
            if not self.fault:
                LOGGER.error("record store failed", exc_info=error)
            self.fault = str(error)
        else:
            if self.fault:
                say("record store works again")
            self.fault = ""

    async def warm(self) -> None:
        """Score a made-up scan with every model."""
        started = time.perf_counter()
        try:
            await asyncio.to_thread(warm, self.models, self.settings.pfa)
        except Exception:
            LOGGER.exception("warm-up failed, never ready")
            raise
        self.ready = True
        say("ready", models=sorted(self.models.loaded), seconds=round(time.perf_counter() - started, 2))


def create_app(settings: Settings, models: ModelPool | None = None) -> FastAPI:
    """The application.

    models: loaded before, by a program that reports a bad model in its own way; None loads them when the
    server starts. Raises UsageError for a keys file that can't be used.
    """
    service = Service(settings, models)
    app = FastAPI(
        title="nii",
        version=__version__,
        summary="Says where something is concealed in an X-ray scan, at a false-alarm rate that its operator chose.",
        lifespan=service.lifespan,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.add_middleware(RequestMiddleware, figures=service.figures)

    guards = [Depends(_key_check(service.keys))] if service.keys else []
    kept = service.store is not None

    @app.post("/v1/scans", dependencies=guards, openapi_extra=REQUEST_BODY, responses=scan_responses(kept=kept))
    async def score_scan(request: Request) -> Response:
        """Score one scan: a record, the overlay picture, or a DICOS threat detection report, by Accept."""
        service.check_ready()
        with service.held.share() as hold:
            asked = await read_upload(request, settings, hold)
            job = partial(
                score,
                asked,
                service.models,
                settings.max_pixels,
                time.perf_counter(),
                store=service.store,
                registry=service.registry,
                unseen=settings.unseen,
            )
            answer = await service.pool.run(job, seconds=settings.deadline_seconds, gone=partial(_gone, request))
        return _report(answer, request)

    def _report(answer: ScanResponse, request: Request) -> Response:
        service.figures.scan(answer.record)
        request.state.said = {
            **getattr(request.state, "said", {}),
            "scan": answer.record["id"],
            "alarm": answer.record["alarm"],
        }
        return Response(answer.body, headers={"X-Nii-Trace": trace(answer.record)}, media_type=answer.media_type)

    if service.store:
        add_record_routes(app, service.store, settings, guards)

    @app.get("/v1/model", dependencies=guards, response_model=ModelList, responses=problems(401))
    async def model() -> dict[str, Any]:
        """The models in use: version, hash, what they take, their calibrations, and what they run on."""
        models = [_model(name, one, settings) for name, one in sorted(service.models.loaded.items())]
        return {"models": models, "records": kept}

    add_library_route(app, guards)

    @app.get("/healthz", responses=problems())
    async def healthz() -> dict[str, str]:
        """The process lives."""
        return {"status": "alive"}

    @app.get("/readyz", responses=problems(503))
    async def readyz() -> dict[str, str]:
        """The models are loaded and warm, and the store takes records; else 503."""
        service.check_ready()
        return {"status": "ready"}

    @app.get("/metrics", dependencies=guards, response_class=Response, responses=METRICS_RESPONSES)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.figures.exposition(), media_type=METRICS_TYPE)

    for path, (content, kind) in viewer_files().items():
        app.add_api_route(path, _static(content, kind), include_in_schema=False)

    _answer_errors(app)
    return app


def _key_check(keys: Keys) -> Callable[..., Awaitable[None]]:
    async def allowed(request: Request, key: str | None = Depends(key_header)) -> None:
        owner = keys.owner(key or _bearer(request))
        if owner is None:
            raise Problem(401, "X-API-Key: expected a valid key, came none or another", {"WWW-Authenticate": "Bearer"})
        request.state.key_owner = owner
        request.state.said = {"key": owner}

    return allowed


def _answer_errors(app: FastAPI) -> None:
    """Every error is answered as RFC 9457 problem+json."""

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return problem_response(error, request.state.request_id)

    @app.exception_handler(NiiError)
    async def ours(request: Request, error: NiiError) -> Response:
        found = translate(error)
        if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            LOGGER.error("failure", exc_info=error, extra={"fields": {"request": request.state.request_id}})
        return problem_response(found, request.state.request_id)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem_response(Problem(400, f"{where}: {first['msg']}"), request.state.request_id)

    @app.exception_handler(HTTPException)
    async def http_problem(request: Request, error: HTTPException) -> Response:
        found = Problem(error.status_code, str(error.detail), error.headers)
        return problem_response(found, request.state.request_id)


def _static(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def page() -> Response:
        return Response(content, media_type=kind)

    return page


async def _gone(request: Request) -> None:
    """Ends when the client has left; the body has been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _bearer(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _model(name: str, detector: Detector, settings: Settings) -> dict[str, Any]:
    contract = detector.contract
    return {
        "name": contract.name,
        "loaded_as": name,
        "version": contract.version,
        "sha256": detector.sha256,
        "license": contract.license,
        "kind": contract.kind,
        "energies": list(contract.energies),
        "pitch_mm": list(contract.pitch_mm),
        "families": list(contract.families),
        "cargos": list(contract.cargos),
        "calibrations": [
            {
                "name": calibration.name,
                "scanner": calibration.scanner,
                "scans": calibration.n,
                "smallest_pfa": calibration.smallest_pfa,
            }
            for calibration in contract.calibrations
        ],
        "smallest_pfa": smallest_usable_pfa(contract),
        "default_pfa": settings.pfa,
        "providers": detector.providers,
        "software": f"nii {__version__}",
    }
