"""Plays the scenarios of PROTOCOL.md with the client and the host of examples/python, against brokers that run.

Prints a line of JSON for each scenario: its number, and `differences` from the document, which should be empty. The brokers
need a pool `scenario-N` with a title of the same name for each scenario, and the tier `short`.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import pathlib
import signal
import sys
import time
import traceback
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / 'examples' / 'python'))

import duskline_client  # noqa: E402
import duskline_host  # noqa: E402
from trace import Comparison, Recorder, read_scenarios  # noqa: E402

DEVICE = {'kind': 'pc', 'codecs': ['hevc', 'h264'], 'maxResolution': '1080p'}
REGION = 'north'
# A scenario may wait for a host to be lost twice.
SCENARIO_S = 30


def sign_token(secret, **claims):
    """A token as docs/run/security.md defines it."""

    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=').decode()

    claims = {'aud': 'duskline', 'exp': int(time.time()) + 600, **claims}
    signed = '.'.join(encode(json.dumps(part).encode()) for part in ({'alg': 'HS256', 'typ': 'JWT'}, claims))
    return f'{signed}.{encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}'


class Scene:
    """The peers of one scenario."""

    def __init__(self, number, brokers, secret):
        self.number = number
        self.title = self.pool = f'scenario-{number}'
        self.brokers = brokers
        self.secret = secret
        self.recorders = {}
        self.hosts = []
        self.clients = []
        self.servers = []
        self.runners = []

    async def host(self, name, slots=1, host_id=None, is_started=True, **options):
        """A host that is registered, and ready for sessions."""
        token = sign_token(self.secret, scope='host', sub=name, region=REGION, pool=self.pool)
        self.recorders[name] = Recorder()
        host, server = await duskline_host.serve_slots(
            self.brokers, token, host_id or name, REGION, self.pool, slots, trace=self.recorders[name], **options
        )
        self.hosts.append(host)
        self.servers.append(server)
        if is_started:
            await self.start(host)
            await asyncio.wait_for(self._ready(host), SCENARIO_S)
        return host

    async def _ready(self, host):
        """Waits until the store has the first heartbeat of the host: no message says so."""
        while True:
            status = json.loads(await self._request('/v1/status'))
            pools = [pool for region in status['regions'] for pool in region['pools'] if pool['pool'] == self.pool]
            known = [entry for pool in pools for entry in pool['hostList'] if entry['hostId'] == host.identity['hostId']]
            if known and known[0]['state'] == 'ready':
                return
            await asyncio.sleep(0.05)

    async def start(self, peer):
        peer.longest_first_delay_s = 0.1
        self.runners.append(peer.start())
        await asyncio.wait_for(peer.accepted.wait(), SCENARIO_S)

    async def client(self, name, player=None, tier=None, is_started=True):
        """A client that is connected."""
        token = self.player_token(player or name, tier)
        self.recorders[name] = Recorder()
        client = duskline_client.Client(self.brokers, lambda: token, DEVICE, trace=self.recorders[name])
        client.rtt = {REGION: 10}
        self.clients.append(client)
        if is_started:
            await self.start(client)
        return client

    def player_token(self, player, tier=None, **claims):
        return sign_token(self.secret, scope='play', sub=f'{player}-{self.number}', **({'tier': tier} if tier else {}), **claims)

    def begin(self):
        """What happened until now is not part of the scenario."""
        for recorder in self.recorders.values():
            recorder.begin()

    async def order(self, path, **body):
        """An operator's order."""
        await self._request(path, body)

    async def _request(self, path, body=None):
        token = sign_token(self.secret, scope='ops:read ops:write', sub='olivia')
        request = urllib.request.Request(
            self.brokers[-1].replace('ws', 'http', 1) + path,
            None if body is None else json.dumps(body).encode(),
            {'authorization': f'Bearer {token}', 'content-type': 'application/json'},
        )
        return await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=SCENARIO_S).read())

    def compare(self, lines):
        comparison, differences = Comparison(), []
        for name, recorder in self.recorders.items():
            own = [line.split(maxsplit=1)[1] for line in lines if line.split(maxsplit=1)[0] == name]
            if not own:
                continue  # this peer is not in the document, such as a player who has the only slot
            differences += [f'{name}: {text}' for text in comparison.find_differences(own, recorder)]
        return differences

    async def close(self):
        for server in self.servers:
            server.close()
        await asyncio.gather(*(client.close() for client in self.clients), *(host.leave() for host in self.hosts))
        await asyncio.gather(*self.runners, return_exceptions=True)

    async def playing(self, client, host, name='client', **options):
        """A request of the client whose session is connected on the host, and that session at the host."""
        request = await client.play(self.title, canMove=True, **options)
        match = await self.recorders[name].sees('matched')
        session = await host.admit(match['ticket'])
        host.stream_started(session)
        await self.recorders[name].sees('session', state='connected')
        return request, session

    async def start_playing(self):
        """`client` plays on `host`; the scenario begins."""
        host, client = await self.host('host'), await self.client('client')
        request, session = await self.playing(client, host)
        self.begin()
        return host, client, request, session


async def a_match(scene):
    host, client = await scene.host('host'), await scene.client('client')
    client.rtt = None  # measured, in this scenario
    request = await client.play(scene.title)
    match = await scene.recorders['client'].sees('matched')
    await scene.recorders['host'].sees('prepare')
    session = await host.admit(match['ticket'])
    host.stream_started(session)
    await scene.recorders['client'].sees('session', state='connected')
    request.end()
    await scene.recorders['client'].sees('session', state='ended')
    await scene.recorders['host'].sees('end')


async def a_lost_connection(scene):
    _, client, _, _ = await scene.start_playing()
    client.drop()
    await scene.recorders['client'].sees('session', state='connected')


async def refused_tokens(scene):
    client = await scene.client('client')
    first, sees = client.resume_token, scene.recorders['client'].sees
    client.drop()
    await sees('welcome')
    await sees('welcome')
    tokens = iter([scene.player_token('client', exp=int(time.time()) - 60), scene.player_token('client')])
    client._token, client.resume_token = lambda: next(tokens), first
    scene.begin()
    client.drop()
    await sees('welcome')


async def no_slot(scene):
    host, ahead, client = await scene.host('host'), await scene.client('ahead'), await scene.client('client')
    other, _ = await scene.playing(ahead, host, 'ahead')
    scene.begin()
    request = await client.play(scene.title, wait=False)
    await scene.recorders['client'].sees('error')
    other.end()
    await scene.recorders['ahead'].sees('session')
    await request.ask_again()
    await scene.recorders['client'].sees('matched')


async def cancels(scene):
    client = await scene.client('client')
    sees = scene.recorders['client'].sees
    scene.begin()
    # No host is there yet, so that this request never has a slot.
    (await client.play(scene.title)).cancel()
    await sees('error')
    await scene.host('host')
    scene.recorders['host'].begin()
    request = await client.play(scene.title)
    await sees('matched')
    await scene.recorders['host'].sees('prepare')
    request.cancel()
    await sees('error')
    await scene.recorders['host'].sees('end')


async def ends_at_once(scene):
    host, client = await scene.host('host'), await scene.client('client')
    sees, host_sees = scene.recorders['client'].sees, scene.recorders['host'].sees
    scene.begin()
    request = await client.play(scene.title)
    match = await sees('matched')
    await host_sees('prepare')
    request.end()
    await sees('session')
    await host_sees('end')
    report = {'sessionId': match['sessionId'], 'epoch': match['epoch'], 'state': 'ended', 'reason': 'host_ended'}
    host.send({'type': 'session', **report})
    request = await client.play(scene.title)
    match = await sees('matched')
    await host_sees('prepare')
    session = await host.admit(match['ticket'])
    await sees('session')
    host.end(session)
    await sees('session')
    client.send({'type': 'end', 'sessionId': match['sessionId']})
    await sees('error')


async def an_expired_reservation(scene):
    host, client = await scene.host('host'), await scene.client('client')
    scene.begin()
    await client.play(scene.title)
    await scene.recorders['client'].sees('session')
    end = await scene.recorders['host'].sees('end')
    host.send({'type': 'session', 'sessionId': end['sessionId'], 'epoch': end['epoch'], 'state': 'active'})
    await scene.recorders['host'].sees('end')


async def a_queue(scene):
    host, client = await scene.host('host'), await scene.client('client')
    playing, waiting = await scene.client('playing'), await scene.client('waiting')
    other, _ = await scene.playing(playing, host, 'playing')
    ahead = await waiting.play(scene.title)
    await scene.recorders['waiting'].sees('queued')
    scene.begin()
    request = await client.play(scene.title)
    sees = scene.recorders['client'].sees
    await sees('queued')
    ahead.cancel()
    await sees('queued', position=1)
    other.end()
    await scene.recorders['host'].sees('end')
    scene.recorders['host'].begin()
    await sees('offer')
    request.accept()
    await sees('matched')
    await scene.recorders['host'].sees('prepare')


async def missed_offers(scene):
    host, client, playing = await scene.host('host'), await scene.client('client'), await scene.client('playing')
    other, _ = await scene.playing(playing, host, 'playing')
    scene.begin()
    request = await client.play(scene.title)
    sees = scene.recorders['client'].sees
    await sees('queued')
    following = await (await scene.client('following')).play(scene.title, autoAccept=True)
    await scene.recorders['following'].sees('queued')
    other.end()
    await sees('offer')
    await scene.recorders['following'].sees('matched')  # so that the slot is not free at once
    await sees('queued', position=1)
    request.accept()
    await sees('error')
    following.end()
    await sees('error')
    request.ask()
    await sees('error')


async def a_cancelled_offer(scene):
    host, client, playing = await scene.host('host'), await scene.client('client'), await scene.client('playing')
    following = await scene.client('next')
    other, _ = await scene.playing(playing, host, 'playing')
    scene.begin()
    request = await client.play(scene.title)
    sees = scene.recorders['client'].sees
    await sees('queued')
    await following.play(scene.title)
    await scene.recorders['next'].sees('queued')
    other.end()
    await sees('offer')
    request.cancel()
    await sees('error')
    await scene.recorders['next'].sees('offer')


async def a_lost_connection_in_the_queue(scene):
    host, old, playing = await scene.host('host'), await scene.client('old'), await scene.client('playing')
    other, _ = await scene.playing(playing, host, 'playing')
    scene.begin()
    former = await old.play(scene.title)
    await scene.recorders['old'].sees('queued')
    client = await scene.client('client', player='old', is_started=False)
    client.resume_token = old.resume_token
    request = duskline_client.PlayRequest(client, scene.title, {})
    request.request_id = former.request_id
    client._requests[request.request_id] = request
    await scene.start(client)
    sees = scene.recorders['client'].sees
    await sees('queued')
    await scene.recorders['old'].sees('replaced')
    other.end()
    await sees('offer')
    client.drop()
    await sees('offer')
    request.accept()
    await sees('matched')


async def a_lost_slot(scene):
    host, client = await scene.host('host'), await scene.client('client')
    sees, host_sees = scene.recorders['client'].sees, scene.recorders['host'].sees
    scene.begin()
    await client.play(scene.title)
    match = await sees('matched')
    await host_sees('prepare')
    lost = duskline_host.HostedSession(match['sessionId'][:-12] + '0123456789ab', 1, scene.title)
    lost.state = 'connected'
    host.sessions[lost.session_id] = lost
    host.heartbeat()
    await sees('queued')
    host.end(lost)
    await sees('matched')
    await host_sees('prepare', sessionId=match['sessionId'])


async def a_second_device(scene):
    host, tv = await scene.host('host'), await scene.client('tv')
    former, _ = await scene.playing(tv, host, 'tv')
    phone = await scene.client('phone', player='tv')
    sees, tv_sees = scene.recorders['phone'].sees, scene.recorders['tv'].sees
    scene.begin()
    await phone.play(scene.title)
    await sees('error')
    await phone.play(scene.title, onConflict='resume')
    await sees('session')
    await tv_sees('replaced')
    former.ask()
    await tv_sees('replaced')


async def a_takeover(scene):
    host, tv = await scene.host('host', slots=2), await scene.client('tv')
    await scene.playing(tv, host, 'tv')
    phone = await scene.client('phone', player='tv')
    scene.begin()
    await phone.play(scene.title, onConflict='takeover')
    await scene.recorders['phone'].sees('matched')
    await scene.recorders['tv'].sees('session', state='ended')
    await scene.recorders['host'].sees('prepare')


async def a_host_reconnects(scene):
    host, client, other = await scene.host('host', slots=2), await scene.client('client'), await scene.client('other')
    _, session = await scene.playing(client, host)
    scene.begin()
    host.longest_first_delay_s = 0.5
    host.drop()
    host.accepted.clear()
    host.stream_lost(session)
    await other.play(scene.title)
    await scene.recorders['other'].sees('matched')
    await scene.recorders['host'].sees('prepare')
    await scene.recorders['client'].sees('session', state='disconnected')
    host.heartbeat()


async def a_replaced_connection(scene):
    older, client = await scene.host('older', host_id='h1'), await scene.client('client')
    _, session = await scene.playing(client, older)
    newer = await scene.host('newer', host_id='h1', is_started=False)
    newer.sessions[session.session_id] = session
    scene.begin()
    await scene.start(newer)
    await scene.recorders['older'].sees('close')
    newer.heartbeat()
    await newer.leave()
    await scene.recorders['client'].sees('session')


async def lost_hosts(scene):
    first, client = await scene.host('h1'), await scene.client('client')
    await scene.playing(client, first)
    second = await scene.host('h2')
    sees = scene.recorders['client'].sees
    scene.begin()
    first._is_closing = True
    first.drop()
    match = await sees('matched')
    await scene.recorders['h2'].sees('prepare')
    await second.admit(match['ticket'])
    await sees('session', state='active')
    second._is_closing = True
    second.drop()
    await sees('session', state='ended')


async def follow(request):
    return [message async for message in duskline_client.Streams(request).follow()]


async def limits(scene):
    host, client = await scene.host('host'), await scene.client('client', tier='short')
    _, session = await scene.playing(client, host)
    # The host may have sent its warning before the client is told that the stream runs.
    scene.recorders['host'].begin_after('→', 'session', state='connected')
    scene.recorders['client'].begin_after('←', 'session', state='connected')
    await scene.recorders['client'].sees('limit')
    host.player_input(session)
    await scene.recorders['client'].sees('session')


async def signals(scene):
    host, client, request, session = await scene.start_playing()
    sees = scene.recorders['client'].sees
    request.signal('an SDP offer')
    await scene.recorders['host'].sees('signal')
    host.signal(session, 'an SDP answer')
    await sees('signal')
    await host.close()
    request.signal('a candidate')
    await sees('error')
    client.send({'type': 'ping', 'id': 7})
    await sees('pong')


async def begin_move(scene, **options):
    """`client` plays on h1, which operators drain; h2 has a free slot."""
    first, client = await scene.host('h1'), await scene.client('client')
    request, session = await scene.playing(client, first)
    session.game['count'] = 42
    for name, value in options.items():
        setattr(first, name, value)
    second = await scene.host('h2')
    scene.begin()
    first.heartbeat()
    target = {'region': REGION, 'pool': scene.pool, 'hostId': 'h1'}
    await scene.order('/v1/drains', target=target, deadlineMs=3_600_000, mode='move')
    return first, second, client, request


async def a_move(scene):
    _, second, _, _ = await begin_move(scene)
    sees = scene.recorders['client'].sees
    move = await sees('moving')
    await second.admit(move['ticket'])
    await sees('session', state='active')
    await scene.recorders['h1'].sees('end')
    await scene.recorders['h2'].sees('moved')


async def a_cancelled_move(scene):
    first, second, _, request = await begin_move(scene)
    scene.servers[1].close()  # of h2
    following = asyncio.ensure_future(follow(request))
    await scene.recorders['client'].sees('session', state='connected')
    await scene.recorders['h1'].sees('resume')
    await scene.recorders['h2'].sees('end')
    following.cancel()
    scene.recorders['client'].begin_after('←', 'moving')
    scene.recorders['h1'].begin_after('→', 'checkpoint')
    scene.recorders['h2'].begin_after('→', 'restored')


async def a_declined_move(scene):
    await begin_move(scene, _save=lambda session: None)
    await scene.recorders['h1'].sees('resume')
    scene.recorders['h1'].begin_after('←', 'checkpoint')


async def a_stopping_broker(scene, pid):
    """The only scenario that needs a broker of its own: the first."""
    others, scene.brokers = scene.brokers[1:], scene.brokers[:1]
    host, client = await scene.host('host'), await scene.client('client')
    scene.begin()
    os.kill(pid, signal.SIGTERM)
    await scene.recorders['host'].sees('close')
    await scene.recorders['client'].sees('close')


SCENARIOS = {
    1: a_match,
    2: a_lost_connection,
    3: refused_tokens,
    5: no_slot,
    6: cancels,
    7: ends_at_once,
    8: an_expired_reservation,
    9: a_queue,
    10: missed_offers,
    11: a_cancelled_offer,
    12: a_lost_connection_in_the_queue,
    13: a_lost_slot,
    14: a_second_device,
    15: a_takeover,
    16: a_host_reconnects,
    17: a_replaced_connection,
    18: lost_hosts,
    19: limits,
    20: signals,
    21: a_move,
    22: a_cancelled_move,
    23: a_declined_move,
}


async def play_scenario(number, play, brokers, secret, lines):
    scene = Scene(number, brokers, secret)
    started_at = time.monotonic()
    failure = []
    try:
        await asyncio.wait_for(play(scene), SCENARIO_S)
    except Exception:
        failure = [''.join(traceback.format_exc().splitlines(keepends=True)[-3:])]
    differences = scene.compare(lines)
    took_ms = round((time.monotonic() - started_at) * 1000)
    print(json.dumps({'scenario': number, 'tookMs': took_ms, 'differences': failure + differences}), flush=True)
    await scene.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--broker', action='append', required=True)
    parser.add_argument('--stop', type=int, help='process id of the first broker, for scenario 4')
    parser.add_argument('--only', type=int, action='append')
    options = parser.parse_args()
    secret = os.environ['DUSKLINE_AUTH_SECRET']
    lines = read_scenarios(ROOT / 'PROTOCOL.md')
    chosen = {number: play for number, play in SCENARIOS.items() if not options.only or number in options.only}
    await asyncio.gather(*(play_scenario(number, play, options.broker, secret, lines[number]) for number, play in chosen.items()))
    if options.stop is not None:
        await play_scenario(4, lambda scene: a_stopping_broker(scene, options.stop), options.broker, secret, lines[4])


if __name__ == '__main__':
    asyncio.run(main())
