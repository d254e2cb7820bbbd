import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { TObject } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  BROKER_TO_CLIENT,
  BROKER_TO_HOST,
  CLIENT_TO_BROKER,
  HOST_TO_BROKER,
  TicketClaims,
} from '@duskline/protocol';
import { CLOSE_CODES, ERRORS, ERROR_CODES } from '@duskline/protocol/codes';
import {
  CLIENT_PATH,
  HOST_PATH,
  MAX_CHECKPOINT_BYTES,
  MAX_FRAME_BYTES,
  MAX_HOST_FRAME_BYTES,
  MAX_SLOTS,
  SUBPROTOCOL,
} from '@duskline/protocol/constants';
import { parseClientMessage, parseHostMessage } from '@duskline/protocol/validation';
import { END_REASONS, SESSION_STATES } from '@duskline/protocol/vocabulary';
import { DEFAULT_LIMITS } from '@duskline/server/domain/limits.js';
import { SESSION_TRANSITIONS } from '@duskline/server/domain/session-state.js';
import { CLAIMS_PER_PLAYER, CLAIM_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import { MAX_MISTAKES, MAX_WAITING } from '@duskline/server/transport/conversation.js';
import {
  CLIENT_RATE,
  CLIENT_SIGNAL_RATE,
  HOST_RATE,
  HOST_SIGNAL_RATE,
} from '@duskline/server/transport/socket-server.js';
import { SIGNAL_RATE } from '@duskline/server/transport/signal-budgets.js';
import { CLOSE_GRACE_MS } from '@duskline/server/transport/socket.js';
import { DocumentedTypes, canonicalOfSchema } from './canonical-types.js';
import { bare, readProtocolDocument, tableOf } from './document.js';

const document = readProtocolDocument();

type Schemas = Readonly<Record<string, TObject>>;

/** `error` is the one message that goes to both kinds of peers: it has a section of its own. */
const { error: errorToClient, ...toClient } = BROKER_TO_CLIENT;
const { error: errorToHost, ...toHost } = BROKER_TO_HOST;

const SECTIONS: Readonly<Record<string, Schemas>> = {
  'Messages: client to broker': CLIENT_TO_BROKER,
  'Messages: broker to client': toClient,
  'Messages: host to broker': HOST_TO_BROKER,
  'Messages: broker to host': toHost,
  'Messages: broker to both': { error: errorToClient },
};

/** What a broker does in its own house: no peer meets these limits. */
const INTERNAL_LIMITS = ['sweepIntervalMs', 'sweepGapMs', 'leaseMs', 'leaseRenewMs'];

describe('PROTOCOL.md', () => {
  const types = new DocumentedTypes(
    document.blocks.filter(({ language }) => language === 'ts').map(({ text }) => text),
    {
      ErrorCode: [...ERROR_CODES]
        .map((code) => `'${code}'`)
        .sort()
        .join(' | '),
    },
  );

  it('has a section for every message, and none for messages that do not exist', () => {
    expect(errorToHost).to.equal(errorToClient);
    const documented = document.headings.filter((heading) => heading.startsWith('Messages: '));
    const existing = Object.entries(SECTIONS).flatMap(([section, schemas]) => [
      section,
      ...Object.keys(schemas).map((type) => `${section}/${type}`),
    ]);
    expect(documented).to.have.members(existing);
  });

  it('describes the fields of every message as its schema has them, with bounds and patterns', () => {
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

  it('declares no type that nothing uses', () => {
    const sources = document.blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);
    const used = (name: string): number =>
      sources.join('\n').match(new RegExp(`(?<!(type|interface) )\\b${name}\\b`, 'g'))?.length ?? 0;
    const messages = document.blocks
      .filter(({ language, section }) => language === 'ts' && section !== 'Shared types')
      .map(({ text }) => /^interface (\w+)/m.exec(text)?.[1]);
    expect(types.names.filter((name) => used(name) === 0 && !messages.includes(name))).to.deep.equal([]);
  });

  it('lists every error code as the registry has it', () => {
    const rows = tableOf(document, 'Error codes', 'code').rows.map((cells) => cells.map(bare));
    const expected = Object.entries(ERRORS).map(([code, { message, retryable, httpStatus, closeCode }]) => [
      code,
      message,
      retryable ? 'yes' : 'no',
      String(httpStatus),
      closeCode === null ? '-' : String(closeCode),
    ]);
    expect(rows).to.have.deep.members(expected);
  });

  it('lists every close code, and whether to connect again', () => {
    const rows = tableOf(document, 'Close codes', 'close code').rows.map((cells) => cells.map(bare));
    const listed = rows.map(([code, name, , reconnect]) => [code, name, reconnect]);
    const expected = Object.entries(CLOSE_CODES).map(([code, { name, reconnect }]) => [
      code,
      name,
      reconnect ? 'yes' : 'no',
    ]);
    expect(listed).to.have.deep.members(expected);
  });

  it('lists states, transitions and reasons of sessions', () => {
    const transitions = tableOf(document, 'Sessions', 'from').rows.map(([from, to]) => [
      bare(from!),
      bare(to!)
        .split(', ')
        .filter((state) => state !== '-'),
    ]);
    expect(Object.fromEntries(transitions)).to.deep.equal(SESSION_TRANSITIONS);
    const firstColumn = (name: string): string[] =>
      tableOf(document, 'Sessions', name).rows.map(([cell]) => bare(cell!));
    expect(firstColumn('state')).to.deep.equal([...SESSION_STATES]);
    expect(firstColumn('reason')).to.have.members([...END_REASONS]);
  });

  it('gives the limits of brokers, all that a peer can meet', () => {
    const rows = tableOf(document, 'Deadlines and limits', 'key').rows;
    const listed = Object.fromEntries(rows.map(([key, value]) => [bare(key!), Number(bare(value!))]));
    const expected = Object.fromEntries(
      Object.entries(DEFAULT_LIMITS).filter(([key]) => !INTERNAL_LIMITS.includes(key)),
    );
    expect(listed).to.deep.equal(expected);
    expect(Object.keys(DEFAULT_LIMITS)).to.include.members(INTERNAL_LIMITS);
    expect(DEFAULT_LIMITS.maxFrameBytes).to.equal(MAX_FRAME_BYTES);
    expect(DEFAULT_LIMITS.maxHostFrameBytes).to.equal(MAX_HOST_FRAME_BYTES);
  });

  it('gives the fixed limits', () => {
    const rows = tableOf(document, 'Deadlines and limits', 'limit').rows;
    expect(
      Object.fromEntries(rows.map(([name, value]) => [bare(name!), Number(bare(value!))])),
    ).to.deep.equal({
      slots: MAX_SLOTS,
      'checkpoint, bytes': MAX_CHECKPOINT_BYTES,
      'client messages, burst': CLIENT_RATE.burst,
      'client messages per second': CLIENT_RATE.perSecond,
      'host messages, burst': HOST_RATE.burst,
      'host messages per second': HOST_RATE.perSecond,
      'client signals, burst': CLIENT_SIGNAL_RATE.burst,
      'client signals per second': CLIENT_SIGNAL_RATE.perSecond,
      'host signals, burst': HOST_SIGNAL_RATE.burst,
      'host signals per second': HOST_SIGNAL_RATE.perSecond,
      'session signals, burst': SIGNAL_RATE.burst,
      'session signals per second': SIGNAL_RATE.perSecond,
      'waiting messages': MAX_WAITING,
      'invalid messages': MAX_MISTAKES,
      'close grace, ms': CLOSE_GRACE_MS,
      'requests kept per player': CLAIMS_PER_PLAYER,
      'requests kept, ms': CLAIM_KEPT_MS,
    });
  });

  it('gives the paths and the sub-protocol', () => {
    const rows = tableOf(document, 'Connection', 'who').rows.map((cells) => cells.map(bare));
    expect(rows.map((cells) => cells.slice(0, 3))).to.deep.equal([
      ['clients', CLIENT_PATH, SUBPROTOCOL],
      ['hosts', HOST_PATH, SUBPROTOCOL],
    ]);
  });

  it('shows an example of every message, each of them valid', () => {
    for (const [section, schemas] of Object.entries(SECTIONS)) {
      for (const type of Object.keys(schemas)) {
        const examples = document.blocks.filter(
          (block) => block.language === 'json' && block.section === section && block.subsection === type,
        );
        expect(examples, `examples of ${section}/${type}`).to.not.be.empty;
        for (const { text } of examples) expectValid(section, text);
      }
    }
  });

  it('shows valid frames in its scenarios', () => {
    const frames = document.blocks
      .filter(({ section, language }) => section === 'Scenarios' && language === 'text')
      .flatMap(({ text }) => text.split('\n'))
      .map((line) => /^(\w+) → (\w+) +(\{.*\})$/.exec(line))
      .filter((match) => match !== null);
    expect(frames.length).to.be.greaterThan(30);
    for (const [, from, to, frame] of frames) expectValid(`Messages: ${from} to ${to}`, frame!);
  });

  it('shows the example client as it is', () => {
    const shown = document.blocks.find(({ language }) => language === 'js');
    const file = readFileSync(new URL('../../../examples/plain-client.mjs', import.meta.url), 'utf8');
    expect(`${shown?.text ?? ''}\n`).to.equal(file);
  });
});

/** Checks a frame of the document; where fields are left out (`…`), those that are there. */
function expectValid(section: string, frame: string): void {
  const whole = !frame.includes(',…');
  const text = frame.replace(/,…\}$/, '}');
  const value = JSON.parse(text) as Record<string, unknown>;
  const type = String(value['type']);
  const schema = type === 'error' ? errorToClient : SECTIONS[section]?.[type];
  if (schema === undefined) throw new Error(`no message ${type} in "${section}"`);
  if (!whole) {
    for (const [field, content] of Object.entries(value)) {
      const property = new Map(Object.entries(schema.properties)).get(field);
      if (property === undefined) throw new Error(`${type} has no field ${field}`);
      expect(Compile(property).Check(content), `${type}.${field} in ${frame}`).to.be.true;
    }
    return;
  }
  if (section === 'Messages: client to broker')
    expect(parseClientMessage(text), text).to.include({ ok: true });
  else if (section === 'Messages: host to broker')
    expect(parseHostMessage(text), text).to.include({ ok: true });
  else {
    expect(Object.keys(schema.properties), text).to.include.members(Object.keys(value));
    expect(Compile(schema).Check(value), text).to.be.true;
  }
}
