import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { TObject } from 'typebox';
import {
  BROKER_TO_CLIENT,
  BROKER_TO_HOST,
  CLIENT_TO_BROKER,
  HOST_TO_BROKER,
  TicketClaims,
} from '@duskline/protocol';
import { CLOSE_CODES, ERRORS, ERROR_CODES, type ErrorCode } from '@duskline/protocol/codes';
import {
  CLIENT_PATH,
  HOST_PATH,
  MAX_CHECKPOINT_BYTES,
  MAX_FRAGMENTS,
  MAX_HOST_FRAME_BYTES,
  MAX_SLOTS,
  SUBPROTOCOL,
} from '@duskline/protocol/constants';
import {
  HOST_SESSION_EVENTS,
  TRANSITIONS as HOST_SESSION_TRANSITIONS,
} from '@duskline/host/internal/sessions/session-transitions';
import { END_REASONS, SESSION_STATES } from '@duskline/protocol/vocabulary';
import { LimitsSection } from '@duskline/server/config/sections/limits-section.js';
import { HOST_TRANSITIONS } from '@duskline/server/domain/host-state.js';
import { DEFAULT_LIMITS } from '@duskline/server/domain/limits.js';
import { SESSION_TRANSITIONS } from '@duskline/server/domain/session-state.js';
import { REQUESTS_PER_PLAYER, REQUEST_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import {
  MAX_INVALID_MESSAGES,
  MAX_MESSAGES_BEFORE_HELLO,
} from '@duskline/server/transport/connection-handler.js';
import {
  CLIENT_RATE,
  CLIENT_SIGNAL_RATE,
  HOST_RATE,
  HOST_SIGNAL_RATE,
} from '@duskline/server/transport/socket-server.js';
import type { MessageRate } from '@duskline/server/transport/message-budget.js';
import { SIGNAL_RATE } from '@duskline/server/transport/signal-budgets.js';
import { CLOSE_GRACE_MS } from '@duskline/server/transport/socket.js';
import { DocumentedTypes, canonicalOfSchema } from './canonical-types.js';
import { MESSAGE_BY_PHASE, NEXT_PHASES, type PlayPhase } from '@duskline/client/internal/play/play-state';
import { PROTOCOL_FILE, bare, readDocument, readProtocolDocument, tableOf } from './document.js';
import { documentedTraces } from '../traces/document-traces.js';

const document = readProtocolDocument();
const drainsPage = readDocument(new URL('docs/operate/drains.md', PROTOCOL_FILE));

/** Codes that only answer operators' orders over HTTP. */
const ORDER_CODES: readonly string[] = ['UNKNOWN_HOST', 'BAD_DEADLINE', 'LAST_OPEN_REGION', 'NO_DRAIN'];

type Schemas = Readonly<Record<string, TObject>>;

/** `error` is the only message to both kinds of peers, and has a section of its own. */
const { error: errorToClient, ...toClient } = BROKER_TO_CLIENT;
const { error: errorToHost, ...toHost } = BROKER_TO_HOST;

const SECTIONS: Readonly<Record<string, Schemas>> = {
  'Messages: client to broker': CLIENT_TO_BROKER,
  'Messages: broker to client': toClient,
  'Messages: host to broker': HOST_TO_BROKER,
  'Messages: broker to host': toHost,
  'Messages: broker to both': { error: errorToClient },
};

/** Limits of the background work of brokers, which peers do not notice. */
const INTERNAL_LIMITS = ['sweepIntervalMs', 'sweepGapMs', 'leaseMs', 'leaseRenewMs'];

/** Words of the document for what a client sends after a reconnect. */
function describeMessage(phase: PlayPhase): string {
  const message = MESSAGE_BY_PHASE[phase];
  if (message === 'lookup') return phase === 'ending' ? 'play, then end' : 'play, only to find it';
  return message ?? '-';
}

const HOST_EVENTS = ['registered', 'heartbeat', 'late', 'gone'] as const;

describe('PROTOCOL.md', () => {
  const types = new DocumentedTypes(
    document.blocks.filter(({ language }) => language === 'ts').map(({ text }) => text),
    // Types whose values the document lists in tables.
    {
      ErrorCode: anyOf(ERROR_CODES),
      SessionState: anyOf(SESSION_STATES),
      EndReason: anyOf(END_REASONS),
    },
  );

  it('has a section for every message, and none for a message that does not exist', () => {
    expect(errorToHost).to.equal(errorToClient);
    const documented = document.headings.filter((heading) => heading.startsWith('Messages: '));
    const existing = Object.entries(SECTIONS).flatMap(([section, schemas]) => [
      section,
      ...Object.keys(schemas).map((type) => `${section}/${type}`),
    ]);
    expect(documented).to.have.members(existing);
  });

  it('describes the fields of every message as its schema does, with bounds and patterns', () => {
    for (const [section, schemas] of Object.entries(SECTIONS)) {
      for (const [type, schema] of Object.entries(schemas)) {
        const block = document.blocks.find(
          (found) => found.language === 'ts' && found.section === section && found.subsection === type,
        );
        const name = /^interface (\w+)/m.exec(block?.text ?? '')?.[1];
        expect(name, `interface of ${section}/${type}`).to.be.a('string');
        expect(types.canonicalOf(name!), `${section}/${type}`).to.deep.equal(canonicalOfSchema(schema));
      }
    }
  });

  it('describes the claims of a ticket', () => {
    expect(types.canonicalOf('TicketClaims')).to.deep.equal(canonicalOfSchema(TicketClaims));
  });

  it('declares no unused type', () => {
    const sources = document.blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);
    const used = (name: string): number =>
      sources.join('\n').match(new RegExp(`(?<!(type|interface) )\\b${name}\\b`, 'g'))?.length ?? 0;
    const messages = document.blocks
      .filter(({ language, section }) => language === 'ts' && section !== 'Shared types')
      .map(({ text }) => /^interface (\w+)/m.exec(text)?.[1]);
    expect(types.names.filter((name) => used(name) === 0 && !messages.includes(name))).to.deep.equal([]);
  });

  it('is at most 50 KB long', () => {
    expect(Buffer.byteLength(document.text)).to.be.at.most(50_000);
  });

  it('lists every error code of the registry', () => {
    const rows = tableOf(document, 'Error codes', 'code').rows.map((cells) => cells.map(bare));
    const expected = Object.entries(ERRORS)
      .filter(([code]) => !ORDER_CODES.includes(code))
      .map(([code, { message, retryable, closeCode }]) => [
        code,
        message,
        retryable ? 'yes' : 'no',
        closeCode === null ? '-' : String(closeCode),
      ]);
    expect(rows).to.have.deep.members(expected);
  });

  it('names the HTTP status of every code that refuses an upgrade', () => {
    const [, paragraph = ''] = /\n\*\*Refused upgrades\*\*([\s\S]*?)\n\n/.exec(document.text) ?? [];
    const named = [...paragraph.matchAll(/(\d{3})\s`([A-Z_]+)`/g)].map(([, status, code]) => [code, status]);
    const refusals = ['NOT_FOUND', 'GOING_AWAY', 'UNSUPPORTED_PROTOCOL', 'BUSY'] as const;
    expect(named).to.deep.equal(refusals.map((code) => [code, String(ERRORS[code].httpStatus)]));
  });

  it('leaves the codes of operators’ orders to the page about drains, which lists their HTTP status', () => {
    const rows = tableOf(drainsPage, 'HTTP', 'code').rows.map((cells) => cells.map(bare));
    for (const [code, status] of rows) {
      expect(status, code).to.equal(String(ERRORS[code as ErrorCode].httpStatus));
    }
    expect(rows.map(([code]) => code)).to.include.members([...ORDER_CODES]);
  });

  it('lists every close code, and whether to reconnect', () => {
    const rows = tableOf(document, 'Close codes', 'close code').rows.map((cells) => cells.map(bare));
    const expected = Object.entries(CLOSE_CODES).map(([code, { name, reconnect }]) => [
      code,
      name,
      reconnect ? 'yes' : 'no',
    ]);
    expect(rows).to.have.deep.members(expected);
  });

  it('lists states, transitions and reasons of sessions', () => {
    const transitions = tableOf(document, 'Sessions', 'state').rows.map(([state, next]) => [
      bare(state!),
      namesIn(next!),
    ]);
    expect(Object.fromEntries(transitions)).to.deep.equal(SESSION_TRANSITIONS);
    const firstColumn = (name: string): string[] =>
      tableOf(document, 'Sessions', name).rows.map(([cell]) => bare(cell!));
    expect(firstColumn('state')).to.deep.equal([...SESSION_STATES]);
    expect(firstColumn('reason')).to.have.members([...END_REASONS]);
  });

  it('lists the states of a request at its client, and what is sent after a reconnect', () => {
    const rows = tableOf(document, 'Requests', 'state').rows.map(([state, next, says]) => [
      bare(state!),
      { next: namesIn(next!), says: bare(says!) },
    ]);
    const expected = Object.entries(NEXT_PHASES).map(([phase, next]) => [
      phase,
      { next, says: describeMessage(phase as PlayPhase) },
    ]);
    expect(Object.fromEntries(rows)).to.deep.equal(Object.fromEntries(expected));
  });

  it('lists the states of a session at its host, and their transitions', () => {
    const { header, rows } = tableOf(document, 'Sessions', 'at the host');
    expect(header.slice(1)).to.have.length(HOST_SESSION_EVENTS.length);
    const listed = rows.map(([state, ...next]): [string, object] => {
      const row = HOST_SESSION_EVENTS.map((event, i) => [event, bare(next[i]!)] as const);
      return [bare(state!), Object.fromEntries(row.filter(([, to]) => to !== '-'))];
    });
    expect(Object.fromEntries(listed)).to.deep.equal(HOST_SESSION_TRANSITIONS);
  });

  it('lists the states of a host, and their transitions', () => {
    const { header, rows } = tableOf(document, 'Hosts', 'state');
    const listed = rows.map(([state, ...next]) => [
      bare(state!),
      Object.fromEntries(HOST_EVENTS.map((event) => [event, bare(next[header.indexOf(event) - 1]!)])),
    ]);
    expect(Object.fromEntries(listed)).to.deep.equal(HOST_TRANSITIONS);
  });

  // Defaults and ranges are in docs/run/configuration.md, which test/unit/config/configuration-page.test.ts checks.
  it('names every configurable limit that a peer can reach, and no limit that is internal to brokers', () => {
    const start = document.text.indexOf('\n## Limits\n');
    const section = document.text.slice(start, document.text.indexOf('\n## ', start + 1));
    const named = [...section.matchAll(/`([a-z]+[A-Z]\w*)`/g)].map(([, name]) => name);
    const limits = Object.keys(DEFAULT_LIMITS);
    expect(limits).to.include.members(INTERNAL_LIMITS);
    expect(named.filter((name) => limits.includes(name!))).to.have.members(
      limits.filter((key) => !INTERNAL_LIMITS.includes(key)),
    );
    for (const [key] of tableOf(document, 'Limits', 'key').rows) expect(limits).to.include(bare(key!));
  });

  it('gives the least value of every limit that a peer can reach, which is the least that operators can set', () => {
    const start = document.text.indexOf('\n## Limits\n');
    const section = document.text.slice(start, document.text.indexOf('\n## ', start + 1));
    const least = [
      ...tableOf(document, 'Limits', 'key').rows.map(([key, value]) => [bare(key!), Number(value)]),
      ...[...section.matchAll(/`(\w+)`\s\[(\d+)\.\.\]/g)].map(([, key, value]) => [key, Number(value)]),
    ];
    const settable = Object.entries(LimitsSection.properties)
      .filter(([key]) => !INTERNAL_LIMITS.includes(key))
      .map(([key, schema]) => [key, (schema as unknown as { minimum: number }).minimum]);
    expect(least).to.have.deep.members(settable);
  });

  it('lists the fixed limits', () => {
    const rows = tableOf(document, 'Limits', 'limit').rows;
    const rate = ({ perSecond, burst }: MessageRate): string => `${perSecond}/s, burst ${burst}`;
    expect(Object.fromEntries(rows.map(([name, value]) => [bare(name!), bare(value!)]))).to.deep.equal({
      slots: String(MAX_SLOTS),
      'frame bytes to hosts': String(MAX_HOST_FRAME_BYTES),
      fragments: String(MAX_FRAGMENTS),
      'checkpoint bytes': String(MAX_CHECKPOINT_BYTES),
      'client messages': rate(CLIENT_RATE),
      'host messages': rate(HOST_RATE),
      'client signals': rate(CLIENT_SIGNAL_RATE),
      'host signals': rate(HOST_SIGNAL_RATE),
      'session signals': rate(SIGNAL_RATE),
      'waiting messages': String(MAX_MESSAGES_BEFORE_HELLO),
      'invalid messages': String(MAX_INVALID_MESSAGES),
      'close grace, ms': String(CLOSE_GRACE_MS),
      'requests kept per player': String(REQUESTS_PER_PLAYER),
      'requests kept, ms': String(REQUEST_KEPT_MS),
    });
  });

  it('lists the paths and the sub-protocol', () => {
    const rows = tableOf(document, 'Connection', 'who').rows.map((cells) => cells.map(bare));
    expect(rows.map((cells) => cells.slice(0, 3))).to.deep.equal([
      ['clients', CLIENT_PATH, SUBPROTOCOL],
      ['hosts', HOST_PATH, SUBPROTOCOL],
    ]);
  });

  it('shows every message in a scenario', () => {
    const traces = documentedTraces(document.text)
      .flatMap(({ trace }) => trace.split('\n'))
      .flatMap((line) => /^(\w+) +([→←]) (?:\{"type":")?(\w+)/.exec(line)?.slice(1, 4).join(' ') ?? []);
    const shown = (peers: string, arrow: string): string[] =>
      traces.flatMap((line) => new RegExp(`^${peers} ${arrow} (?!close)(\\w+)$`).exec(line)?.[1] ?? []);
    const clients = '(?:client|tv|phone|next)';
    const hosts = '(?:host|h1|h2|older|newer)';
    expect(shown(clients, '→')).to.include.members(Object.keys(CLIENT_TO_BROKER));
    expect(shown(clients, '←')).to.include.members(Object.keys(BROKER_TO_CLIENT));
    expect(shown(hosts, '→')).to.include.members(Object.keys(HOST_TO_BROKER));
    expect(shown(hosts, '←')).to.include.members(Object.keys(BROKER_TO_HOST));
  });

  it('links the example client, which has at most 70 lines', () => {
    expect(document.text).to.include('[examples/plain-client.mjs](examples/plain-client.mjs)');
    const file = readFileSync(new URL('../../../../examples/plain-client.mjs', import.meta.url), 'utf8');
    expect(file.split('\n').length).to.be.at.most(70);
  });
});

/** The values of an enumeration, in the spelling of `canonicalOfSchema`. */
function anyOf(values: readonly string[]): string {
  return [...values]
    .map((value) => `'${value}'`)
    .sort()
    .join(' | ');
}

/** The names in a table cell; none for `-`. */
function namesIn(cell: string): string[] {
  return bare(cell)
    .split(', ')
    .filter((name) => name !== '-');
}
