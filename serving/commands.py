"""`nii serve`; registered as an entry point, so nothing heavy is imported here."""

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from nii.errors import UsageError


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    model: Annotated[
        str | None, typer.Option(help="Name of a shipped model, or a path. Default: all that ship.")
    ] = None,
) -> None:
    """Run the scoring service; further settings are NII_* variables."""
    try:
        import uvicorn

        from serving.app import create_app
        from serving.log import to_stderr
        from serving.scoring import load_models
        from serving.settings import load_settings
        from serving.slow import BACKLOG, impatient, most_connections
    except ModuleNotFoundError as error:
        raise UsageError(
            f"nii serve: expected the extra [serve], came no {error.name}; pip install 'nii[serve]'"
        ) from None
    settings = load_settings(**({"model": model} if model else {}))
    config = uvicorn.Config(
        create_app(settings, load_models(settings)),
        host=host,
        port=port,
        http=impatient(
            settings.upload_seconds,
            settings.deadline_seconds,
            most_connections(settings.connections, settings.n_workers),
        ),
        backlog=BACKLOG,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies,
        access_log=False,  # one line of our own per request
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=int(settings.upload_seconds + settings.deadline_seconds) + 1,
    )
    to_stderr()
    server = uvicorn.Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _already_handled)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored under nohup
        signal.signal(signal.SIGHUP, lambda *_: server.handle_exit(signal.SIGTERM, None))
    server.run()


def findings(
    out: Annotated[Path, typer.Argument(help="Folder of the new scan set.")],
) -> None:
    """Write the scans with an officer's finding, from the record store (NII_STORE, NII_KEEP_SCANS), as a scan set."""
    from serving.export import export_scan_set
    from serving.records import open_store
    from serving.settings import load_settings

    store = open_store(load_settings())
    if store is None:
        raise UsageError("NII_STORE: expected the URL of a record store, came none")
    typer.echo(f"{out}: {export_scan_set(store, out)} scans")


def _already_handled(*_: Any) -> None:
    """Uvicorn raises the signal again after a clean stop; by default that would kill the process."""
