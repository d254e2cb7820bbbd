#!/usr/bin/env python3
"""A Duskline client, written from PROTOCOL.md: a library, and a command that plays a title.

    DUSKLINE_TOKEN="$(npx duskline token --player alice)" python3 duskline_client.py starfall
"""

import argparse
import asyncio
import http.client
import inspect
import math
import os
import random
import signal
import statistics
import sys
import time
import uuid
from urllib.parse import urlsplit

from duskline_connection import Peer, Refused
from duskline_stream import TicketRefused, open_stream, show_messages

MEASURED_OPEN_REGIONS = 8
MOST_REGIONS = 64
BEACON_TIMEOUT_S = 2


class Client(Peer):
    """A player's device.

    `token` is a player token, or a function that returns a new one (it may be a coroutine function). `position` is the latitude
    and longitude of the player, if known: the client measures the nearest regions.
    """

    path = '/v1/client'
    answer = 'welcome'

    def __init__(self, urls, token, device, position=None, trace=None):
        super().__init__(urls, trace)
        self._position = position
        self._token = token
        self._last_token = None
        self.resume_token = None
        self.device = device
        self.regions = []
        self.rtt = None
        self._ping_interval_s = 15
        self._requests = {}

    async def play(self, title, **options):
        """Requests a slot and returns the `PlayRequest`. `options` are fields of the message `play`."""
        await self.accepted.wait()
        if self.rtt is None:
            self.rtt = await measure(self.regions, self._position)
        request = PlayRequest(self, title, options)
        self._requests[request.request_id] = request
        request.ask()
        return request

    def forget(self, request):
        self._requests.pop(request.request_id, None)

    async def first_message(self):
        hello = {'type': 'hello', 'device': self.device, 'sdk': 'duskline-python/1'}
        if self.resume_token is not None:
            return {**hello, 'resumeToken': self.resume_token}
        self._last_token = self._token() if callable(self._token) else self._token
        if inspect.isawaitable(self._last_token):
            self._last_token = await self._last_token
        return {**hello, 'token': self._last_token}

    def discard_token(self, code):
        if code.startswith('RESUME_TOKEN_'):
            self.resume_token = None
            return True
        return callable(self._token)

    def on_accepted(self, welcome):
        self.resume_token = welcome['resumeToken']
        self.regions = welcome['regions']
        self._ping_interval_s = welcome['pingIntervalMs'] / 1000
        for request in list(self._requests.values()):
            request.on_welcome()

    def on_disconnected(self):
        pass  # requests and sessions continue: the next `welcome` asks for them again

    def on_message(self, message):
        for request in list(self._requests.values()):
            request.receive(message)

    async def keep_alive(self):
        """`websockets` does not show pings, so this asks with `ping` after an interval without a message."""
        unanswered = 0
        while unanswered < 2:
            silent_s = time.monotonic() - self.received_at
            if silent_s < self._ping_interval_s:
                unanswered = 0
                await asyncio.sleep(self._ping_interval_s - silent_s)
                continue
            self.send({'type': 'ping', 'id': random.randrange(2**32)})
            unanswered += 1
            await asyncio.sleep(self._ping_interval_s)
            if time.monotonic() - self.received_at < self._ping_interval_s:
                unanswered = 0
        self.drop()


class PlayRequest:
    """A request from its first `play` to its last word. Its states are those of PROTOCOL.md (Requests).

    `async for message in request` yields what the broker says about it, and ends after the last word, which is `outcome`.
    """

    def __init__(self, client, title, options):
        self._client = client
        self._title = title
        self._options = options
        self._messages = asyncio.Queue()
        self.request_id = str(uuid.uuid4())
        self.state = 'asking'
        self.session_id = None
        self.epoch = 0
        self.match = None  # the last `matched`
        self.move = None  # the last `moving`, until a `session` decides it
        self.outcome = None

    def __aiter__(self):
        return self

    async def __anext__(self):
        message = await self._messages.get()
        if message is None:
            self._messages.put_nowait(None)
            raise StopAsyncIteration
        return message

    def ask(self):
        """Sends `play`. A session that this request has or had must not become another one: then it is only looked for."""
        find = {'wait': False, 'onConflict': 'fail'} if self.session_id is not None else {}
        fields = {'requestId': self.request_id, 'title': self._title, 'rtt': self._client.rtt}
        self._client.send({'type': 'play', **fields, **self._options, **find})

    async def ask_again(self):
        """After a last word with `retryable`: asks again with the same id, when the broker allows it."""
        if not self.outcome.get('retryable'):
            raise ValueError('this request is over: another one needs another id')
        await asyncio.sleep(self.outcome.get('retryAfterMs', 0) / 1000 + random.uniform(0, 1))
        self.state, self.outcome = 'asking', None
        self._messages = asyncio.Queue()
        self._client._requests[self.request_id] = self
        self.ask()

    def accept(self):
        """Accepts the offer."""
        self.state = 'requeued' if self.session_id is not None else 'accepting'
        self._client.send({'type': 'accept', 'requestId': self.request_id})

    def cancel(self):
        """Cancels the request, or ends the session that it has become."""
        if self.state != 'over':
            self.state = 'cancelling'
            self._client.send({'type': 'cancel', 'requestId': self.request_id})

    def end(self):
        """Ends the session."""
        if self.state == 'over':
            return
        self.state = 'ending'
        self._client.send({'type': 'end', 'sessionId': self.session_id})

    def stay(self):
        """Declines the move under way: the target host did not admit this client, or the player does not want to move."""
        move = self.move
        self._client.send({'type': 'stay', 'sessionId': move['sessionId'], 'epoch': move['epoch']})

    def signal(self, data):
        """Sends data to the host of the session."""
        self._client.send({'type': 'signal', 'sessionId': self.session_id, 'data': data})

    def on_welcome(self):
        if self.state == 'cancelling':
            self._client.send({'type': 'cancel', 'requestId': self.request_id})
            return
        if self.state in ('queued', 'offered', 'accepting'):
            self.state = 'asking'
        self.ask()

    def receive(self, message):
        if message.get('requestId') != self.request_id and message.get('sessionId', '') != self.session_id:
            return
        if self.state == 'cancelling':
            self._receive_while_cancelling(message)
            return
        handle = getattr(self, '_on_' + message['type'], None)
        if handle is not None and self.state != 'over':
            handle(message)

    def _receive_while_cancelling(self, message):
        if message['type'] != 'error' or message.get('inReplyTo') != 'cancel':
            return  # the session's end comes first, and older messages may still arrive
        if message['code'] == 'CANCELLED':
            self._finish(message)
        elif message['retryable']:
            self._later(message, self.cancel)

    def _on_queued(self, message):
        if self.state == 'ending':
            self.end()
            return
        self.state = 'queued' if self.session_id is None else 'requeued'
        self._messages.put_nowait(message)

    def _on_offer(self, message):
        if self.state == 'ending':
            self.end()
            return
        self.state = 'offered' if self.session_id is None else 'requeued'
        self._messages.put_nowait(message)
        if self.state == 'requeued':
            self.accept()  # the player asked for this session before

    def _on_matched(self, match):
        if self.session_id not in (None, match['sessionId']):
            # The record of the first session was lost. The host still has it.
            self._client.send({'type': 'end', 'sessionId': match['sessionId']})
            return
        if match['epoch'] < self.epoch:
            return
        self.session_id, self.epoch, self.match = match['sessionId'], match['epoch'], match
        if self.state == 'ending':
            self.end()
            return
        self.state = 'held'
        self._messages.put_nowait(match)

    def _on_moving(self, move):
        if move['epoch'] < self.epoch:
            return
        self.move = move
        self._messages.put_nowait(move)

    def _on_session(self, message):
        if message.get('sessionId') != self.session_id or message['epoch'] < self.epoch:
            return
        if message['state'] == 'ended':
            self._finish(message)
            return
        is_moved = self.move is not None and message['epoch'] == self.move['epoch']
        if message['epoch'] > self.epoch and not is_moved:
            self.ask()  # the session has another host: `matched` names it
        if is_moved:
            self.match = self.move
        if is_moved or message['state'] != 'moving':
            self.move = None
        self.epoch = message['epoch']
        self._messages.put_nowait(message)

    def _on_replaced(self, message):
        self._finish(message)

    def _on_limit(self, message):
        self._messages.put_nowait(message)

    def _on_signal(self, message):
        self._messages.put_nowait(message)

    def _on_error(self, error):
        code, answered = error['code'], error.get('inReplyTo')
        if answered == 'end':
            if code == 'UNKNOWN_SESSION' or code == 'CANCELLED':
                self._finish(error)
            else:
                self._later(error, self.ask)  # find the session, then end it
        elif answered == 'stay' and code == 'NO_MOVE':
            self.ask()  # `matched` names the host that has the session
        elif code == 'NO_OFFER' or (error.get('requestId') is None):
            self._messages.put_nowait(error)
        elif code == 'UNAVAILABLE':
            self._later(error, self.ask)
        else:
            self._finish(error)

    def _finish(self, message):
        self.state, self.outcome = 'over', message
        self._client.forget(self)
        self._messages.put_nowait(message)
        self._messages.put_nowait(None)

    def _later(self, error, action):
        delay_s = error.get('retryAfterMs', 1000) / 1000 + random.uniform(0, 1)
        asyncio.get_running_loop().call_later(delay_s, lambda: self.state != 'over' and action())


async def measure(regions, position=None):
    """Round-trip times in milliseconds to about eight open regions, and to the closed ones among them; `None` where it failed."""
    chosen, open_regions = [], 0
    if position is not None:
        regions = sorted(regions, key=lambda region: distance(position, (region['lat'], region['lon'])))
    for region in regions[:MOST_REGIONS]:
        if open_regions < MEASURED_OPEN_REGIONS:
            chosen.append(region)
            open_regions += region['state'] == 'open'
    times = await asyncio.gather(*(asyncio.to_thread(measure_beacon, region['beaconUrl']) for region in chosen))
    return {region['region']: rtt_ms for region, rtt_ms in zip(chosen, times)}


def distance(here, there):
    """The angle between two positions, in radians."""
    (lat1, lon1), (lat2, lon2) = (map(math.radians, position) for position in (here, there))
    cosine = math.sin(lat1) * math.sin(lat2) + math.cos(lat1) * math.cos(lat2) * math.cos(lon1 - lon2)
    return math.acos(max(-1, min(1, cosine)))


def measure_beacon(url):
    """The median of four requests, after one that opens the connection. Blocks."""
    address = urlsplit(url)
    connect = http.client.HTTPSConnection if address.scheme == 'https' else http.client.HTTPConnection
    connection = connect(address.hostname, address.port, timeout=BEACON_TIMEOUT_S)
    path = (address.path or '/') + (f'?{address.query}' if address.query else '')
    times = []
    for attempt in range(5):
        started_at = time.perf_counter()
        try:
            connection.request('GET', path)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            continue
        if attempt > 0 and response.status == 204:
            times.append((time.perf_counter() - started_at) * 1000)
    connection.close()
    return min(round(statistics.median(times), 2), 10_000) if len(times) >= 2 else None


class Streams:
    """The streams of one request. The client goes where `matched` and `moving` send it, and keeps one stream."""

    def __init__(self, request, on_line=lambda line: None):
        self._request = request
        self._on_line = on_line
        self._target = None
        self._task = None
        self._attempt = None
        self._admitted_at = None  # session, epoch and endpoint of the host that admitted this client

    async def follow(self):
        """Plays until the last word on the request, which it returns."""
        try:
            async for message in self._request:
                if message['type'] in ('matched', 'moving'):
                    self._go_to(message)
                elif message['type'] == 'offer' and self._request.state == 'offered':
                    self._request.accept()
                yield message
        finally:
            self.leave()  # ended, replaced or superseded: the device leaves its host

    def leave(self):
        """Closes the stream."""
        for task in (self._attempt, self._task):
            if task is not None:
                task.cancel()

    def _go_to(self, match):
        key = (match['sessionId'], match['epoch'], match['host']['endpoint'])
        self._target = match
        if key == self._admitted_at and not self._task.done():
            return
        if self._attempt is not None:
            self._attempt.cancel()
        self._attempt = asyncio.ensure_future(self._show_ticket(match, key))

    async def _show_ticket(self, match, key):
        give_up_at = time.monotonic() + match['claimWithinMs'] / 1000
        told = None
        while True:
            try:
                stream = await open_stream(match['host']['endpoint'], match['ticket'])
                break
            except (OSError, asyncio.TimeoutError, TicketRefused) as error:
                if str(error) != told:
                    told = str(error)
                    print(f'{match["host"]["hostId"]} did not admit this client: {told}', file=sys.stderr)
            if match['type'] == 'moving':
                self._request.stay()
                return
            if time.monotonic() > give_up_at:
                return  # `session` `ended`, or another `matched`, follows
            await asyncio.sleep(0.5)
        former, self._task = self._task, asyncio.ensure_future(self._watch(stream, match))
        self._admitted_at = key
        if former is not None:
            former.cancel()

    async def _watch(self, stream, match):
        reader, writer = stream
        try:
            while line := await reader.readline():
                self._on_line(line.decode().strip())
        finally:
            writer.close()
        # The host closed the stream. If the session goes on, a repeated `play` gets a valid ticket.
        if self._target is match and self._request.state == 'held':
            self._request.ask()


async def main():
    parser = argparse.ArgumentParser(description='Plays a title. The player token is in DUSKLINE_TOKEN.')
    parser.add_argument('title')
    parser.add_argument('--url', action='append', help='a broker; may be repeated (default: ws://127.0.0.1:8080)')
    parser.add_argument('--seconds', type=float, help='ends the session after this time (default: never)')
    parser.add_argument('--conflict', choices=['fail', 'resume', 'takeover'], default='fail', help='if the player plays elsewhere')
    parser.add_argument('--trace', action='store_true', help='print all messages')
    options = parser.parse_args()
    device = {'kind': 'pc', 'codecs': ['av1', 'hevc', 'h264'], 'maxResolution': '1080p'}
    trace = show_messages if options.trace else None
    client = Client(options.url or ['ws://127.0.0.1:8080'], os.environ['DUSKLINE_TOKEN'], device, trace=trace)
    runner = client.start()
    playing = asyncio.ensure_future(play(client, options))
    await asyncio.wait([runner, playing], return_when=asyncio.FIRST_COMPLETED)
    if not playing.done():
        playing.cancel()
        return runner.result()
    await client.close()
    return playing.result()


async def play(client, options):
    request = await client.play(options.title, canMove=True, onConflict=options.conflict)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, request.cancel)
    ends_at = None
    async for message in Streams(request, print).follow():
        print(' '.join(str(message[key]) for key in ('type', 'code', 'position', 'state', 'reason') if key in message))
        if message['type'] == 'matched' and options.seconds is not None and ends_at is None:
            ends_at = asyncio.get_running_loop().call_later(options.seconds, request.end)
    return request.outcome


if __name__ == '__main__':
    try:
        asyncio.run(main())
    except Refused as error:
        sys.exit(f'The broker refused this client: {error}')
