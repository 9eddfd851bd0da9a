"""HTTPS of a sealed server: health, and the ceremony that unseals it.

GET     /operator/unseal        how far it is
POST    /operator/unseal        {"custodian": NAME, "share": WORDS}: give a share
DELETE  /operator/unseal        the same: take one's own share back

No certificate is asked for: a share is what lets its custodian do this.  Everything else is 503.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from keystead.config import ServerConfig
from keystead.custody.shares import Progress
from keystead.engine.administration import SEALED
from keystead.engine.unsealing import Unsealing
from keystead.errors import CustodyError, StoreError, TamperError
from keystead.server.http import Health, answer_defect, answer_problem, healthz, json_response, read_body, secured
from keystead.server.peers import Peer

MAXIMUM_SHARE_BYTES = 8192
_FORM = 'send {"custodian": NAME, "share": WORDS}'


def application(unsealing: Unsealing, config: ServerConfig, health: Health, opened: Callable[[], None]) -> ASGIApp:
    """Make the ASGI application.

    Args:
        unsealing: takes the shares.
        config: limits and deadlines.
        health: tells how the server stands.
        opened: is called once the last share that is needed was given.
    """

    async def unseal(request: Request) -> Response:
        """Tell how far the ceremony is, or take a share or give it back."""
        if not unsealing.by_shares:
            raise HTTPException(409, "this server is unsealed on its machine: keystead operator unseal")
        if request.method in ("GET", "HEAD"):
            return _shown(unsealing.progress())
        custodian, share = await _share(request, config)
        peer: Peer = request.scope["state"]["peer"]
        take = unsealing.withdraw if request.method == "DELETE" else unsealing.submit
        try:
            progress = take(custodian, share, peer.address)
        except CustodyError as error:
            raise HTTPException(403, str(error)) from None
        except StoreError as error:
            raise HTTPException(503, f"it cannot be recorded, so that it does not count: {error}") from None
        except TamperError as error:
            raise HTTPException(503, str(error)) from None
        if progress.given >= progress.threshold:
            asyncio.get_running_loop().call_soon(opened)
        return _shown(progress)

    async def sealed(scope: Scope, receive: Receive, send: Send) -> None:
        await answer_problem(Request(scope), HTTPException(503, SEALED))(scope, receive, send)

    app = Starlette(
        routes=[
            healthz(health),
            Route("/operator/unseal", unseal, methods=["GET", "POST", "DELETE"]),
            Mount("/", sealed),  # whatever the path, and the method
        ],
        exception_handlers={HTTPException: answer_problem, Exception: answer_defect},
    )
    app.router.redirect_slashes = False
    return secured(app)


async def _share(request: Request, config: ServerConfig) -> tuple[str, str]:
    body = await read_body(request, config)
    if len(body) > MAXIMUM_SHARE_BYTES:
        raise HTTPException(413, f"a share has at most {MAXIMUM_SHARE_BYTES} bytes")
    try:
        found: Any = json.loads(body)
        custodian, share = found["custodian"], found["share"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise HTTPException(400, _FORM) from None
    if not isinstance(custodian, str) or not isinstance(share, str):
        raise HTTPException(400, _FORM)
    return custodian, share


def _shown(progress: Progress) -> Response:
    content = {
        "sealed": progress.given < progress.threshold,
        "progress": progress.given,
        "threshold": progress.threshold,
        "expires_seconds": progress.expires_seconds,
    }
    return json_response(content, 200, {"cache-control": "no-store"})
