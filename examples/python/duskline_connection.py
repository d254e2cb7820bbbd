"""What clients and hosts have in common: a connection to one of several brokers, and the next one after it is lost.

Written from PROTOCOL.md (Connection, Frames, Close codes). Needs the package `websockets`, 10 or later.
"""

import asyncio
import json
import random
import time

import websockets

SUB_PROTOCOL = 'duskline.v1'
# After these close codes a peer does not connect again; after all others it does.
FINAL_CLOSES = {1000, 1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4409, 4422}
# Exceptions to the list above: a peer connects again, with a new token.
TOKEN_CODES = {'TOKEN_EXPIRED', 'RESUME_TOKEN_INVALID', 'RESUME_TOKEN_USED', 'RESUME_TOKEN_EXPIRED'}
WELCOME_TIMEOUT_S = 10
MAX_DELAY_S = 30


class Refused(Exception):
    """The broker refused this peer, and another attempt makes no sense. `code` is an error code, or an HTTP status or close code."""

    def __init__(self, code):
        super().__init__(str(code))
        self.code = code


class Peer:
    """Stays connected to one of the brokers at `urls` (`ws://…` or `wss://…`, without a path) until `close`.

    A subclass has `path` and `answer`, the type of the message with which the broker accepts the first one, and these methods:
    `first_message()`, which may be a coroutine; `on_accepted(message)`; `on_message(message)`; `on_disconnected()`;
    `keep_alive()`, a coroutine that runs while the broker accepts messages; and `discard_token(code)`, which returns whether the
    peer has another token after the broker refused the last one with that code.
    """

    path = ''
    answer = ''
    longest_first_delay_s = 1.0

    def __init__(self, urls, trace=None):
        self.urls = list(urls)
        self._next_url = random.randrange(len(self.urls))  # spreads peers over the brokers
        self._trace = trace or (lambda arrow, message: None)
        self._socket = None
        self._is_closing = False
        self._failures = 0
        self._error = None  # the last error that is about no request or session: it explains the close after it
        self._runner = None
        self._last_write = None
        self.url = None
        self.accepted = asyncio.Event()
        self.received_at = 0.0

    def start(self):
        """Connects in the background. The returned task ends after `close`, or raises `Refused`."""
        self._runner = asyncio.ensure_future(self._run())
        return self._runner

    def send(self, message):
        """Sends a message, if the broker has accepted the first one; otherwise returns False."""
        if not self.accepted.is_set():
            return False
        self._write(self._socket, message)
        return True

    async def close(self):
        """Closes the connection with 1000, and opens no other one."""
        self._is_closing = True
        if self._last_write is not None:
            await self._last_write
        if self._socket is not None:
            await self._socket.close(1000)
        elif self._runner is not None:
            self._runner.cancel()
        if self._runner is not None:
            await asyncio.wait([self._runner])

    def drop(self):
        """Drops the connection without a close frame, as for one on which nothing arrives. The peer then connects again."""
        if self._socket is not None:
            self._socket.transport.abort()

    def _write(self, socket, message):
        self._trace('→', message)
        # Only quotes, backslashes and control characters are escaped: brokers measure signals in this form.
        text = json.dumps(message, ensure_ascii=False, separators=(',', ':'))
        self._last_write = asyncio.ensure_future(self._write_text(socket, text))

    async def _write_text(self, socket, text):
        try:
            await socket.send(text)
        except websockets.ConnectionClosed:
            pass  # the peer repeats what matters on the next connection

    async def _run(self):
        while not self._is_closing:
            self.url = self.urls[self._next_url % len(self.urls)]
            self._next_url += 1  # the next attempt is at another broker, if there is one
            self._error = None
            retry_after_s = await self._serve()
            if self._is_closing:
                return
            await asyncio.sleep(self._delay_s(retry_after_s))

    def _delay_s(self, retry_after_s):
        code = (self._error or {}).get('code', '')
        if code.startswith('RESUME_TOKEN_'):
            return 0  # the token is discarded: the next attempt uses another one
        longest_s = min(self.longest_first_delay_s * 2**self._failures, MAX_DELAY_S)
        self._failures += 1
        return retry_after_s + random.uniform(0, longest_s)

    async def _serve(self):
        """One connection. Returns the seconds until the next attempt is allowed, or raises `Refused`."""
        started_at = time.monotonic()
        try:
            # No extensions. The broker pings; a peer that needs more has its own `keep_alive`.
            self._socket = await websockets.connect(
                self.url + self.path,
                subprotocols=[SUB_PROTOCOL],
                compression=None,
                ping_interval=None,
                open_timeout=WELCOME_TIMEOUT_S,  # and what is left of it for the answer to the first message
                close_timeout=2,
                max_size=2**20,
            )
        except websockets.InvalidHandshake as error:
            response = getattr(error, 'response', error)  # from version 13 on, the status is in the response
            return self._refused_upgrade(getattr(response, 'status_code', 503), getattr(response, 'headers', {}))
        except (OSError, asyncio.TimeoutError):
            return 0
        alive = None
        try:
            if self._is_closing:
                return 0
            self.received_at = time.monotonic()
            self._write(self._socket, await self._first_message())
            left_s = started_at + WELCOME_TIMEOUT_S - time.monotonic()
            await asyncio.wait_for(self._receive_until(self.answer), left_s)
            alive = asyncio.ensure_future(self.keep_alive())
            await self._receive_until(None)
        except asyncio.TimeoutError:
            self.drop()
        except websockets.ConnectionClosed as closed:
            return self._closed(closed.rcvd.code if closed.rcvd_then_sent else None)
        finally:
            if alive is not None:
                alive.cancel()
            was_accepted = self.accepted.is_set()
            self.accepted.clear()
            await self._socket.close()
            self._socket = None
            if was_accepted:
                self.on_disconnected()
        return 0

    async def _first_message(self):
        message = self.first_message()
        return await message if asyncio.iscoroutine(message) else message

    async def _receive_until(self, answer):
        while True:
            text = await self._socket.recv()
            self.received_at = time.monotonic()
            message = json.loads(text)
            self._trace('←', message)
            if message['type'] == 'error' and 'requestId' not in message and 'sessionId' not in message:
                self._error = message
            if message['type'] == answer:
                self._failures = 0
                self.accepted.set()
                self.on_accepted(message)
                return
            self.on_message(message)

    def _refused_upgrade(self, status, headers):
        if status < 500 and status != 429:
            raise Refused(status)
        return float(headers.get('Retry-After', 0))

    def _closed(self, close_code):
        error = self._error or {}
        code = error.get('code')
        if close_code is not None:
            self._trace('←', {'type': 'close', 'code': close_code})
        may_retry = close_code not in FINAL_CLOSES or code in TOKEN_CODES or code == 'TOKEN_NOT_YET_VALID'
        if not self._is_closing and (not may_retry or (code in TOKEN_CODES and not self.discard_token(code))):
            raise Refused(code or close_code)
        return error.get('retryAfterMs', 0) / 1000
