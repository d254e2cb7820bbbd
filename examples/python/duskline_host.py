#!/usr/bin/env python3
"""A Duskline host, written from PROTOCOL.md: a library, and a command that serves slots.

    DUSKLINE_TOKEN="$(npx duskline token --host --region eu-west --pool console-x)" \\
      python3 duskline_host.py --region eu-west --pool console-x --slots 4
"""

import argparse
import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import os
import signal
import sys
import time

from duskline_connection import Peer, Refused
from duskline_stream import TicketRefused, serve_streams, show_messages

HELD = ('active', 'connected', 'disconnected', 'moving')
# What the events of PROTOCOL.md (Sessions) do to a session at its host. `ended` is possible in each state.
NEXT_STATES = {
    ('prepared', 'ticket accepted'): 'active',
    ('active', 'stream runs'): 'connected',
    ('active', 'stream lost'): 'disconnected',
    ('connected', 'stream lost'): 'disconnected',
    ('connected', 'checkpoint'): 'moving',
    ('disconnected', 'ticket accepted'): 'active',
    ('disconnected', 'stream runs'): 'connected',
    ('moving', 'stream lost'): 'disconnected',
    ('moving', 'resume'): 'connected',
}
CLOCK_TOLERANCE_S = 5
FULL_WAIT_S = 3
# Reports of ended sessions are repeated to the next broker for this time: the socket may have lost them.
REPEAT_REPORTS_S = 60
MOST_ENDED = 10_000
# Tickets are valid for 30 s after the reservation.
TICKET_GRACE_S = 30 + CLOCK_TOLERANCE_S


class HostedSession:
    """A session at this host, at one epoch."""

    def __init__(self, session_id, epoch, title):
        self.session_id = session_id
        self.epoch = epoch
        self.title = title
        self.state = 'prepared'
        self.settings = None  # the `stream` of `prepare`
        self.limits = None
        self.seq = None  # of the ticket that was accepted last
        self.is_restored = False  # came with `restore`, and `moved` has not arrived
        self.admitted_at = None
        self.input_at = None
        self.released = asyncio.Event()  # set when the client that was admitted last has to let go
        self.warned = {}  # kind of limit → the warning that was sent last
        self.timers = []
        self.game = {'count': 0}

    @property
    def is_paused(self):
        return self.state == 'moving' or self.is_restored

    @property
    def assignment(self):
        return {'sessionId': self.session_id, 'epoch': self.epoch}

    def apply(self, event):
        """Changes the state; returns whether the event changed it."""
        state = NEXT_STATES.get((self.state, event))
        self.state = state or self.state
        return state is not None


class Host(Peer):
    """A streaming machine. `token` is a host token, or a function that returns a new one.

    `save(session)` returns the state of a paused game as bytes, or None if it cannot be handed over now. `load(session, state)`
    continues it and returns whether it could. `prepare(session)` returns whether the host can serve the session.
    """

    path = '/v1/host'
    answer = 'registered'
    longest_first_delay_s = 0.5

    def __init__(self, urls, token, host_id, region, pool, slots, endpoint, save=None, load=None, prepare=None, trace=None):
        super().__init__(urls, trace)
        self._token = token
        self.identity = {'hostId': host_id, 'region': region, 'pool': pool, 'slots': slots, 'endpoint': endpoint}
        self._audience = f'host:{region}/{pool}/{host_id}'
        self._slots = slots
        self._save, self._load, self._prepare = save, load, prepare
        self._key = None
        self._interval_s = 2
        self._ended = {}  # session → highest epoch at which it has ended here
        self._reports = []  # of ended sessions, with the time
        self._slot_freed = asyncio.Event()
        self.sessions = {}
        self.measured_load = {'gpu': 0.1, 'encoder': 0.1, 'cpu': 0.1, 'network': 0.1}

    # What the streaming server calls

    async def admit(self, ticket):
        """Verifies a ticket and admits its client. Returns the session, or raises `TicketRefused`."""
        claims = verify_ticket(ticket, self._key, self._audience)
        give_up_at = time.monotonic() + FULL_WAIT_S
        while not self._has_slot_for(claims):
            self._slot_freed.clear()
            try:
                await asyncio.wait_for(self._slot_freed.wait(), give_up_at - time.monotonic())
            except asyncio.TimeoutError:
                raise TicketRefused('no slot is free') from None
        session = self.sessions.get(claims['sid'])
        if session is None or session.epoch < claims['epoch']:
            session = self._assign(claims['sid'], claims['epoch'], claims['title'])
        if session.state in ('active', 'connected', 'moving'):
            session.state = 'disconnected'  # a newer ticket: the former client lets go
            self._report(session)
        session.released.set()
        session.released = asyncio.Event()
        session.seq = claims.get('seq', 0)
        session.apply('ticket accepted')
        self._report(session)
        if session.admitted_at is None:
            session.admitted_at = session.input_at = time.monotonic()
            self._watch_limits(session)
        return session

    def stream_started(self, session):
        if session.apply('stream runs'):
            self._report(session)

    def stream_lost(self, session):
        if session.apply('stream lost'):
            self._report(session)

    def player_input(self, session):
        """The player did something."""
        session.input_at = time.monotonic()
        if session.warned.pop('idle', None) is not None:
            self.send({'type': 'limit', **session.assignment, 'kind': 'idle', 'endsInMs': None})

    def end(self, session, reason='host_ended'):
        """Ends the session, or refuses a prepared one with `error`."""
        report = {'type': 'session', **session.assignment, 'state': 'ended', 'reason': reason}
        self._forget(session)
        self._reports.append((time.monotonic(), report))
        self.send(report)

    def signal(self, session, data):
        """Sends data to the client of the session."""
        self.send({'type': 'signal', **session.assignment, 'data': data})

    async def leave(self):
        """Leaves the fleet. All sessions end."""
        self._is_closing = True
        for session in list(self.sessions.values()):
            self._forget(session)
        if self.send({'type': 'leave'}):
            await asyncio.wait([self._runner], timeout=10)
        await self.close()

    # The connection

    async def first_message(self):
        token = self._token() if callable(self._token) else self._token
        return {'type': 'register', 'token': token, **self.identity, 'sessions': self._held(), 'sdk': 'duskline-python/1'}

    def discard_token(self, code):
        return callable(self._token)

    def on_accepted(self, registered):
        self._key = base64.urlsafe_b64decode(registered['ticketKey'] + '==')
        self._interval_s = registered['heartbeatIntervalMs'] / 1000
        oldest = time.monotonic() - REPEAT_REPORTS_S
        self._reports = [(at, report) for at, report in self._reports if at > oldest]
        for _, report in self._reports:
            self.send(report)
        self.heartbeat()

    def on_disconnected(self):
        pass  # streams continue, and tickets are verified without a broker

    async def keep_alive(self):
        while time.monotonic() - self.received_at < 2.5 * self._interval_s:
            pong = await self._socket.ping()
            pong.add_done_callback(self._note_pong)
            await asyncio.sleep(self._interval_s / 2)
            if time.monotonic() - self.received_at >= 2.5 * self._interval_s:
                break
            await asyncio.sleep(self._interval_s / 2)
            self.heartbeat()
        self.drop()

    def _note_pong(self, pong):
        if not pong.cancelled() and pong.exception() is None:
            self.received_at = time.monotonic()

    def heartbeat(self):
        for session in self.sessions.values():
            if session.is_restored and session.state in HELD:
                self._report(session)  # until `moved` arrives
        prepared = [session.assignment for session in self.sessions.values() if session.state == 'prepared']
        self.send({'type': 'heartbeat', 'load': self.measured_load, 'sessions': self._held(), 'prepared': prepared})

    def _held(self):
        return [
            {**session.assignment, 'state': session.state, 'movable': self._is_movable(session)}
            for session in self.sessions.values()
            if session.state in HELD
        ]

    def _is_movable(self, session):
        return self._save is not None and session.state == 'connected' and not session.is_restored

    def on_message(self, message):
        handle = getattr(self, '_on_' + message['type'], None)
        if handle is not None:
            handle(message)

    # Messages of the broker

    def _on_prepare(self, order):
        session = self._assign_from(order)
        if session is not None and self._prepare is not None and not self._prepare(session):
            self.end(session, 'error')

    def _on_end(self, order):
        self._remember_end(order['sessionId'], order['epoch'])
        session = self.sessions.get(order['sessionId'])
        if session is not None and session.epoch <= order['epoch']:
            self._forget(session)

    def _on_checkpoint(self, order):
        session = self._at_epoch(order)
        state = self._save(session) if session is not None and self._is_movable(session) else None
        if state is None:
            self._answer(order, 'cannot_move', reason='no save point is near')
            return
        session.apply('checkpoint')
        self._answer(order, 'checkpoint', state=base64.b64encode(state).decode())
        # Without `end` or `resume` the game continues by itself.
        session.timers.append(asyncio.get_running_loop().call_later(order['stillMs'] / 1000, self._continue, session))

    def _on_restore(self, order):
        session = self._assign_from(order)
        if session is None:
            return
        session.is_restored = True
        state = base64.b64decode(order['state']) if 'state' in order else None
        if state is None or self._load is None or not self._load(session, state):
            self._forget(session)
            self._answer(order, 'cannot_move', reason='this host cannot load the state')
            return
        self._answer(order, 'restored')

    def _on_moved(self, order):
        session = self._at_epoch(order)
        if session is not None:
            session.is_restored = False

    def _on_resume(self, order):
        session = self._at_epoch(order)
        if session is not None and not self._continue(session):
            self._report(session)

    def _on_signal(self, message):
        session = self._at_epoch(message)
        if session is not None:
            self.signal_received(session, message['data'])

    def signal_received(self, session, data):
        """For subclasses."""

    def _on_error(self, error):
        session, answered, code = self.sessions.get(error.get('sessionId')), error.get('inReplyTo'), error['code']
        if session is None:
            return
        if answered == 'checkpoint':
            self._continue(session)
        elif answered == 'restored' and code == 'NO_MOVE':
            self._forget(session)

    # Sessions

    def _assign_from(self, order):
        """The session of `prepare` or `restore`, or None if the host had it or a newer epoch before."""
        session = self.sessions.get(order['sessionId'])
        if order['epoch'] <= self._ended.get(order['sessionId'], 0) or (session is not None and session.epoch > order['epoch']):
            return None
        is_new = session is None or session.epoch < order['epoch']
        if is_new:
            session = self._assign(order['sessionId'], order['epoch'], order['title'])
            # `end` may be lost with a socket. Later no ticket is valid.
            forget_after_s = order['claimWithinMs'] / 1000 + TICKET_GRACE_S
            session.timers.append(asyncio.get_running_loop().call_later(forget_after_s, self._forget_unclaimed, session))
        session.settings, session.limits = order['stream'], order.get('limits')
        if session.admitted_at is not None:
            self._watch_limits(session)  # the client came before this message
        return session if is_new else None

    def _assign(self, session_id, epoch, title):
        former = self.sessions.get(session_id)
        if former is not None:
            self._forget(former)
        session = self.sessions[session_id] = HostedSession(session_id, epoch, title)
        return session

    def _has_slot_for(self, claims):
        """Steps 3 to 5 of PROTOCOL.md (Tickets); raises `TicketRefused` at the first two."""
        session_id, epoch = claims['sid'], claims['epoch']
        session = self.sessions.get(session_id)
        if epoch <= self._ended.get(session_id, 0) or (session is not None and epoch < session.epoch):
            raise TicketRefused('the session is over, or elsewhere')
        if session is not None and session.epoch == epoch and session.seq is not None:
            seq = claims.get('seq', 0)
            if seq < session.seq or (seq == session.seq and session.state != 'disconnected'):
                raise TicketRefused('the ticket was used')
        held = [other for other in self.sessions.values() if other.state in HELD]
        return len(held) < self._slots or session in held

    def _at_epoch(self, message):
        session = self.sessions.get(message['sessionId'])
        return session if session is not None and session.epoch == message['epoch'] else None

    def _continue(self, session):
        """Continues a paused game; returns whether it was paused."""
        is_continued = session.apply('resume')
        if is_continued:
            self._report(session)
        return is_continued

    def _report(self, session):
        restored = {'restored': True} if session.is_restored else {}
        self.send({'type': 'session', **session.assignment, 'state': session.state, **restored})

    def _answer(self, order, kind, **fields):
        self.send({'type': kind, 'sessionId': order['sessionId'], 'epoch': order['epoch'], **fields})

    def _forget(self, session):
        """Stops the stream and frees the slot."""
        session.state = 'ended'
        session.released.set()
        for timer in session.timers:
            timer.cancel()
        if self.sessions.get(session.session_id) is session:
            del self.sessions[session.session_id]
        self._remember_end(session.session_id, session.epoch)
        self._slot_freed.set()

    def _forget_unclaimed(self, session):
        if session.state == 'prepared':
            self._forget(session)

    def _remember_end(self, session_id, epoch):
        self._ended[session_id] = max(epoch, self._ended.pop(session_id, 0))
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]

    def _watch_limits(self, session):
        """Warns the player before the session ends with `idle` or `max_length`, then ends it."""
        limits = session.limits
        if limits is None or session.state == 'ended':
            return
        now, next_at = time.monotonic(), []
        for kind, key, since in (('idle', 'idleMs', session.input_at), ('max_length', 'maxLengthMs', session.admitted_at)):
            if key not in limits:
                continue
            left_ms = limits[key] - (now - since) * 1000
            if left_ms <= 0:
                self.end(session, kind)
                return
            warnings = [warn_ms for warn_ms in limits['warnBeforeMs'] if warn_ms < limits[key]]
            due = min((warn_ms for warn_ms in warnings if warn_ms >= left_ms), default=None)
            if due is not None and session.warned.get(kind) != due:
                session.warned[kind] = due
                self.send({'type': 'limit', **session.assignment, 'kind': kind, 'endsInMs': round(left_ms)})
            next_at.append(left_ms - max((warn_ms for warn_ms in warnings if warn_ms < left_ms), default=0))
        if next_at:
            loop = asyncio.get_running_loop()
            session.timers.append(loop.call_later(min(next_at) / 1000 + 0.001, self._watch_limits, session))


def verify_ticket(ticket, key, audience):
    """Steps 1 and 2 of PROTOCOL.md (Tickets). Returns the claims, or raises `TicketRefused`."""
    try:
        signed, _, signature = ticket.rpartition('.')
        header, claims = (json.loads(base64.urlsafe_b64decode(part + '==')) for part in signed.split('.'))
        signature = base64.urlsafe_b64decode(signature + '==')
    except (ValueError, binascii.Error):
        raise TicketRefused('this is no ticket') from None
    if key is None or header.get('alg') != 'HS256':
        raise TicketRefused('the ticket cannot be verified')
    if not hmac.compare_digest(signature, hmac.digest(key, signed.encode(), hashlib.sha256)):
        raise TicketRefused('the signature is wrong')
    if claims.get('iss') != 'duskline' or claims.get('aud') != audience:
        raise TicketRefused('the ticket is for another host')
    if claims['exp'] + CLOCK_TOLERANCE_S <= time.time():
        raise TicketRefused('the ticket has expired')
    return claims


class CountingHost(Host):
    """Streams a game that counts its frames."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, save=self.save_count, load=self.load_count, **options)
        self.frames_per_second = 10

    def save_count(self, session):
        return json.dumps(session.game, separators=(',', ':')).encode()

    def load_count(self, session, state):
        session.game = json.loads(state)
        return True

    async def play(self, session, reader, writer):
        """Streams until the client leaves or has to let go."""
        released = session.released
        self.stream_started(session)
        ends = [asyncio.ensure_future(released.wait()), asyncio.ensure_future(self._read_input(session, reader))]
        while True:
            session.game['count'] += not session.is_paused
            writer.write(f'frame {session.game["count"]}\n'.encode())
            done, _ = await asyncio.wait(ends, timeout=1 / self.frames_per_second, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        for end in ends:
            end.cancel()
        if session.released is released and not released.is_set():
            self.stream_lost(session)

    async def _read_input(self, session, reader):
        while await reader.readline():
            self.player_input(session)


async def main():
    parser = argparse.ArgumentParser(description='Serves slots. The host token is in DUSKLINE_TOKEN.')
    parser.add_argument('--url', action='append', help='a broker; may be repeated (default: ws://127.0.0.1:8080)')
    parser.add_argument('--host-id', default='python-host')
    parser.add_argument('--region', required=True)
    parser.add_argument('--pool', required=True)
    parser.add_argument('--slots', type=int, default=1)
    parser.add_argument('--port', type=int, default=0, help='for clients (default: any free one)')
    parser.add_argument('--trace', action='store_true', help='print all messages')
    options = parser.parse_args()
    host, server = await serve_slots(
        options.url or ['ws://127.0.0.1:8080'],
        os.environ['DUSKLINE_TOKEN'],
        options.host_id,
        options.region,
        options.pool,
        options.slots,
        options.port,
        trace=show_messages if options.trace else None,
    )
    runner = host.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: asyncio.ensure_future(host.leave()))
    registered = asyncio.ensure_future(host.accepted.wait())
    await asyncio.wait([runner, registered], return_when=asyncio.FIRST_COMPLETED)
    if registered.done():
        print(f'{options.host_id} is registered', flush=True)
    try:
        await runner
    finally:
        server.close()


async def serve_slots(urls, token, host_id, region, pool, slots, port=0, **options):
    """A `CountingHost`, which is not started yet, and the server of its streams."""
    host = None

    async def admit(ticket):
        return await host.admit(ticket)

    async def play(session, reader, writer):
        await host.play(session, reader, writer)

    server = await serve_streams(admit, play, port)
    endpoint = f'tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}'
    host = CountingHost(urls, token, host_id, region, pool, slots, endpoint, **options)
    return host, server


if __name__ == '__main__':
    try:
        asyncio.run(main())
    except Refused as error:
        sys.exit(f'The broker refused this host: {error}')
