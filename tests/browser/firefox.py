"""Stands where Playwright expects Firefox: starts the real one with the arguments given, and passes on what they say.

Playwright drives a Firefox that is not its own by WebDriver BiDi, a standard of the W3C, and asks for one command that
Firefox did not have yet in version 153: the emulation of a reader's theme. Without an answer it opens no page. This
program hands every message on, and turns "unknown command" on that one into "done"; in Firefox a page therefore has
the theme of the system.

Usage: python firefox.py FIREFOX OPTIONS OF FIREFOX...
"""

import asyncio
import json
import re
import subprocess
import sys

from tornado import httpserver, netutil, web, websocket

EMULATION = "emulation.setMediaFeaturesOverride"
LARGEST = 2**30
"""Bytes of a message: a network and its answers are large."""


class Relay(websocket.WebSocketHandler):
    """One conversation between Playwright and Firefox."""

    def initialize(self, address: str) -> None:
        """Keep where Firefox listens."""
        self.address = address
        self.emulations: set[int] = set()

    async def open(self, *_: str) -> None:
        """Connect to Firefox; Playwright's first message waits for it."""
        self.firefox = asyncio.ensure_future(
            websocket.websocket_connect(
                self.address, on_message_callback=self.answer, max_message_size=LARGEST, ping_interval=None
            )
        )
        await self.firefox

    async def on_message(self, message: str | bytes) -> None:
        """Pass on what Playwright asks."""
        asked = json.loads(message)
        if asked["method"] == EMULATION:
            self.emulations.add(asked["id"])
        await (await self.firefox).write_message(message)

    def answer(self, message: str | bytes | None) -> None:
        """Pass on what Firefox says; nothing means that it closed."""
        if message is None:
            self.close()
            return
        if self.emulations and (said := json.loads(message)).get("id") in self.emulations:
            self.emulations.remove(said["id"])
            if said.get("error") == "unknown command":
                message = json.dumps({"type": "success", "id": said["id"], "result": {}})
        self.write_message(message)

    def on_close(self) -> None:
        """End the conversation on the other side too."""
        if not self.firefox.cancel() and not self.firefox.exception():
            self.firefox.result().close()


async def main() -> None:
    """Run Firefox until it ends."""
    firefox = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, encoding="utf-8")
    assert firefox.stderr
    for line in firefox.stderr:
        if listening := re.search(r"WebDriver BiDi listening on (\S+)", line):
            break
        print(line, end="", file=sys.stderr)
    else:
        sys.exit(firefox.wait() or 1)
    (socket,) = netutil.bind_sockets(0, "127.0.0.1")
    route = ("/session", Relay, {"address": f"{listening[1]}/session"})
    httpserver.HTTPServer(web.Application([route], websocket_max_message_size=LARGEST)).add_sockets([socket])
    print(f"WebDriver BiDi listening on ws://127.0.0.1:{socket.getsockname()[1]}", file=sys.stderr, flush=True)
    # What Firefox goes on to say is read, lest it wait for a reader.
    await asyncio.to_thread(firefox.communicate)


asyncio.run(main())
