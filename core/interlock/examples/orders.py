"""An asyncio service that keeps orders: HTTP and JSON, a run for each order, nothing lost when it is killed.

    python -m interlock.examples.orders orders.sqlite 8000
    curl -d '{"item": "book"}' localhost:8000/orders                # 201, and the order: its id is 1
    curl -d '{"signal": "PAY"}' localhost:8000/orders/1/signals     # 200; the second time 409, and why

A run is read, stepped and stored with no `await` in between, and answered afterwards. So two requests at once come one
after the other, without a lock, and what was answered is there after a restart.
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing, suppress

from interlock import Machine, NoTransition, Run

ORDER = Machine.from_toml("""
lifecycle = "order"
initial = "Placed"
states.Placed.means = "nobody has paid"
states.Paid.means = "it can be sent"
states.Sent = { means = "it is on its way", final = true }
states.Void = { means = "nothing is sent, and the money was given back", final = true }
signals.PAY.means = "the money is there"
signals.SEND.means = "the parcel was handed over"
signals.DROP.means = "the customer does not want it any more"
from.Placed = { PAY = "Paid", DROP = "Void", SEND = { to = "refused", because = "nobody has paid" } }
from.Paid = { SEND = "Sent", DROP = "Void", PAY = { to = "refused", because = "it is paid already" } }
""")
JSON = dict[str, object]


async def asked(reader: asyncio.StreamReader) -> tuple[str, list[str], JSON]:
    """Return the method, the parts of the path and the content of a request."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, path, version = first.split(" ")
    headers = [(name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines)]
    [length] = {value for name, value in headers if name == "content-length"} or {"0"}
    if "transfer-encoding" in dict(headers) or not length.isdecimal() or len(length) > 5:
        raise ValueError("it must have a Content-Length, of at most 99999")
    content = json.loads(await reader.readexactly(int(length)) or b"{}")
    if version not in ("HTTP/1.0", "HTTP/1.1") or not isinstance(content, dict):
        raise ValueError("it must be of HTTP/1.1, and its content a JSON object")
    return method, path.partition("?")[0].split("/")[1:], content


class Orders:
    """The orders of a file."""

    def __init__(self, file: str) -> None:
        self.db = sqlite3.connect(file, isolation_level=None)
        self.db.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, content, run)")

    def answer(self, method: str, path: list[str], content: JSON) -> tuple[str, JSON]:
        """Return the status and the content of an answer. Nothing else is served meanwhile: there is no `await`."""
        order: object = None
        match method, path:
            case "POST", ["orders"]:
                new = json.dumps(content), json.dumps(Run(ORDER).to_dict())
                order = self.db.execute("INSERT INTO orders (content, run) VALUES (?, ?)", new).lastrowid
            case ("GET", ["orders", order]) | ("POST", ["orders", order, "signals"]):
                pass
            case _, ["orders"] | ["orders", _] | ["orders", _, "signals"]:
                return f"405 Method Not Allowed\r\nAllow: {'GET' if len(path) == 2 else 'POST'}", {"error": "see Allow"}
        row = self.db.execute("SELECT id, content, run FROM orders WHERE id = ?", [order]).fetchone()
        if row is None:
            return "404 Not Found", {"error": f"there is no /{'/'.join(path)}"}
        run = Run.from_dict(ORDER, json.loads(row[2]))
        try:
            if path[2:]:
                run.send(content.get("signal"))
        except (NoTransition, ValueError) as error:  # refused, or unknown
            status = "409 Conflict" if isinstance(error, NoTransition) else "400 Bad Request"
            return status, {"error": str(error), "state": run.state, "accepts": run.accepts()}
        self.db.execute("UPDATE orders SET run = ? WHERE id = ?", (json.dumps(run.to_dict()), row[0]))
        told = {"state": run.state, "accepts": run.accepts(), "story": str(run.story)}
        return "200 OK" if path[1:] else "201 Created", {"id": row[0], "content": json.loads(row[1]), **told}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(asked(reader), timeout=30)
        except (ValueError, RecursionError, EOFError, OSError, asyncio.LimitOverrunError) as error:
            status, answer = "400 Bad Request", JSON(error=f"no request of HTTP/1.1: {error!r}")
        else:
            status, answer = self.answer(*request)
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        with closing(writer), suppress(ConnectionError):
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt), asyncio.Runner() as runner:
        server = runner.run(asyncio.start_server(Orders(sys.argv[1]).serve, "127.0.0.1", int(sys.argv[2])))
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/orders", flush=True)  # noqa: T201
        runner.run(server.serve_forever())
