"""A payment service that charges once for each idempotency key: a small HTTP server on 127.0.0.1.

with payment_service() as service:
    pay(service.url, "hotel", 120, key="order-1")
    print(service.charges)

POST /charges  {"item": "hotel", "amount": 120}, header Idempotency-Key: order-1
    201  charged, with the receipt
    200  this key was charged before: nothing is charged, and the same receipt comes back
    422  this key was charged before for something else
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from course_lib.serving.http_thread import HttpThread, bind, serve
from course_lib.serving.ports import local_opener

MAX_BYTES = 10_000
"""Longest request that the service reads, in bytes."""


class PaymentError(RuntimeError):
    """The service refused a charge; the text holds its reason."""


@dataclass
class PaymentService(HttpThread):
    """A payment service that runs in a thread of this process.

    Args:
        url: where it answers.
        charges: what was charged, the oldest first; each with item, amount, key and receipt.
        requests: how many requests asked for a charge, refused ones included.
    """

    charges: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def charge(self, item: str, amount: int, key: str | None) -> tuple[int, dict[str, Any]]:
        """Charge, unless this key was charged before; return the HTTP status and the answer."""
        with self._lock:
            self.requests += 1
            known = next((each for each in self.charges if key and each["key"] == key), None)
            if known and (known["item"], known["amount"]) != (item, amount):
                paid = f"{known['item']} for {known['amount']}"
                return 422, {"error": f"this key paid for {paid}; use a new key for a new charge"}
            if known:
                return 200, {**known, "charged": False}
            receipt = f"receipt-{len(self.charges) + 1}"
            charge = {"item": item, "amount": amount, "key": key, "receipt": receipt}
            self.charges.append(charge)
            return 201, {**charge, "charged": True}


def payment_service() -> PaymentService:
    """Start a payment service on 127.0.0.1 and a free port."""
    server = bind(_Handler)
    service = PaymentService(f"http://127.0.0.1:{server.server_port}", server)
    server.service = service  # type: ignore[attr-defined]  # where the handler looks for it
    serve(server)
    return service


def pay(url: str, item: str, amount: int, key: str | None = None) -> dict[str, Any]:
    """Ask a payment service for one charge.

    Args:
        url: of the service.
        item: what is paid for.
        amount: in thousand won, above 0.
        key: idempotency key; a second request with the same key charges nothing.

    Returns:
        The receipt: item, amount, key, receipt, and `charged`, False if the key was known.

    Raises:
        PaymentError: the service refused; the text says why.
        ConnectionError: no service answers at the URL.
    """
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    body = json.dumps({"item": item, "amount": amount}).encode()
    request = urllib.request.Request(f"{url}/charges", body, headers)
    try:
        with local_opener().open(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        reason = json.load(error)["error"]
        raise PaymentError(f"The payment service refused {item!r}: {reason}.") from None
    except urllib.error.URLError as error:
        raise ConnectionError(
            f"No payment service answers at {url}: {error.reason}. Start one with "
            "payment_service()."
        ) from error


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        try:
            length = min(int(self.headers.get("Content-Length") or 0), MAX_BYTES)
            asked = json.loads(self.rfile.read(length))
            item, amount = asked["item"], asked["amount"]
            if not isinstance(item, str) or isinstance(amount, bool) or not amount > 0:
                raise ValueError
        except (ValueError, TypeError, KeyError):
            error = 'send {"item": a text, "amount": a number above 0} as JSON'
            return self._answer(400, {"error": error})
        if self.path != "/charges":
            return self._answer(404, {"error": "the only path is /charges"})
        key = self.headers.get("Idempotency-Key")
        self._answer(*self.server.service.charge(item, amount, key))  # type: ignore[attr-defined]

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *details: object) -> None:
        """Write nothing: the notebook shows what the service charged."""
