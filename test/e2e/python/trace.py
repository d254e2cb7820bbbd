"""Reads the scenarios of PROTOCOL.md, and compares what peers sent and received with them."""

import asyncio
import json
import re

DEADLINE_S = 20
# Messages that repeat on their own, so a scenario shows only those that matter.
REPEATED = {'heartbeat', 'ping', 'pong', 'queued', 'resume'}
# A scenario that begins later leaves these out.
OPENING = {'hello', 'welcome', 'register', 'registered'}


def read_scenarios(path):
    """The lines of each scenario, by number."""
    text = open(path, encoding='utf-8').read()
    blocks = re.findall(r'^### (\d+)\. .*?```text\n(.*?)```', text[text.index('## Scenarios') :], re.M | re.S)
    return {int(number): [line for line in block.splitlines() if not line.startswith('#')] for number, block in blocks}


class Recorder:
    """What one peer sent and received."""

    def __init__(self):
        self.frames = []
        self.former = []
        self._next = 0
        self._arrived = asyncio.Event()

    def __call__(self, arrow, message):
        self.frames.append((arrow, message))
        self._arrived.set()

    def begin(self, index=None):
        """The frames before this index, by default all, are not part of the scenario."""
        index = len(self.frames) if index is None else index
        self.former += self.frames[:index]
        del self.frames[:index]
        self._next = 0

    def begin_after(self, arrow, kind, **fields):
        """The frames until the first one of this type with these fields are not part of the scenario."""
        for index, (way, message) in enumerate(self.frames):
            if (way, message['type']) == (arrow, kind) and fields.items() <= message.items():
                self.begin(index + 1)
                return
        raise AssertionError(f'no {kind} {fields} in {self.show()}')

    async def sees(self, kind, **fields):
        """The next message of this type with these fields, after the one that the last call returned."""
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        while True:
            while self._next < len(self.frames):
                arrow, message = self.frames[self._next]
                self._next += 1
                if arrow == '←' and message['type'] == kind and fields.items() <= message.items():
                    return message
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), deadline - asyncio.get_running_loop().time())
            except asyncio.TimeoutError:
                raise AssertionError(f'no {kind} {fields} in {self.show()}') from None

    def show(self):
        return '\n'.join(f'{arrow} {json.dumps(message)}' for arrow, message in self.frames)


class Comparison:
    """Names such as `r1`, `s1` and `t1` stand for the same value in all lines of a scenario."""

    def __init__(self):
        self._values = {}

    def find_differences(self, lines, recorder):
        """Compares the lines of one peer with its frames; returns texts."""
        differences, wanted = [], [line for line in lines if line[0] != 'x']
        types = {line.split()[1] for line in wanted}
        frames, former = list(recorder.frames), list(recorder.former)
        for index, (arrow, message) in enumerate(frames):
            before = former + frames[:index]
            if len(wanted) > 1 and wanted[0].endswith(' active') and self._matches(wanted[1], arrow, message):
                del wanted[:2]  # a broker may skip any state except `ended`
            elif wanted and self._matches(wanted[0], arrow, message):
                del wanted[0]
            elif not self._may_be_left_out(arrow, message, before, types):
                differences.append(f'not in the scenario (next is {wanted[:1]}): {arrow} {json.dumps(message)}')
        return differences + [f'did not happen: {line}' for line in wanted]

    def _may_be_left_out(self, arrow, message, before, types):
        kind = message['type']
        if kind in OPENING:
            return kind not in types
        # A heartbeat that crosses `end` gets another one; a host repeats `session` until `moved` arrives, which answers each.
        repeated = (('←', 'end'), ('→', 'session'), ('←', 'moved'))
        is_repeated = (arrow, kind) in repeated and (arrow, message) in before
        # It crossed the report that the session has begun: the client may reach its host first.
        is_late = (arrow, kind) == ('←', 'prepare') and any(
            (way, other['type'], other.get('sessionId'), other.get('epoch'))
            == ('→', 'session', message['sessionId'], message['epoch'])
            for way, other in before
        )
        is_answer = kind == 'session' and arrow == '→' and before[-1:] and before[-1][1]['type'] == 'resume'
        return kind in REPEATED or is_repeated or is_late or is_answer

    def _matches(self, line, arrow, message):
        line_arrow, kind, *words = re.findall(r'[\w-]+:\[.*?\]|\w+:"[^"]*"|\S+', line)
        if (line_arrow, kind) != (arrow, message['type']):
            return False
        former = dict(self._values)
        rest = [word for word in words if not self._matches_word(word, message)]
        # What is left is free text, the reason of `cannot_move`.
        if rest and ' '.join(rest) != message.get('reason'):
            self._values = former
            return False
        return True

    def _matches_word(self, word, message):
        name, _, value = word.partition(':')
        if value.startswith('['):
            held = [self._held(session) for session in value[1:-1].split(', ') if session]
            return len(held) == len(message[name]) and all(
                self._is(session, str(actual['sessionId'])) and rest == [actual['epoch'], actual['state']]
                for (session, *rest), actual in zip(held, message[name])
            )
        if value:
            actual = message.get(name, False)
            is_any = value.startswith('<') or (name.endswith('Ms') and value != 'null')
            if name in ('byRequestId', 'resumeToken', 'hostId'):
                return self._is(value, actual)
            return (name in message and is_any) or value.strip('"') == (actual if isinstance(actual, str) else json.dumps(actual))
        if re.fullmatch(r'r\d+', word):
            return self._is(word, message.get('requestId'))
        if re.fullmatch(r's\d+', word):
            return self._is(word, message.get('sessionId'))
        if assignment := re.fullmatch(r'(s\d+)@(\d+)', word):
            return self._is(assignment[1], message.get('sessionId')) and int(assignment[2]) == message.get('epoch')
        return word in (message.get('state'), message.get('reason'), message.get('code'), str(message.get('code')))

    def _held(self, text):
        assignment, state, *_ = text.split()
        session, epoch = assignment.split('@')
        return session, int(epoch), state

    def _is(self, name, actual):
        return actual is not None and self._values.setdefault(name, actual) == actual
