import { createClient, DusklineError, type Client, type Session } from '@duskline/client/node';
import { expect } from 'chai';
import fc from 'fast-check';
import { nextTurn } from '../../../support/time/event-loop.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { AT_ONCE, DEVICE, TOKEN } from '../fixture.js';
import { ModelBroker } from './model-broker.js';
import { SimulatedNetwork } from './simulated-network.js';

const QUIET = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A player who asks for a slot only when it has given up what it had before. */
class Player {
  readonly outcomes: (string | undefined)[] = [];
  readonly endings: Promise<void>[] = [];
  readonly #client: Client;
  #controller: AbortController | undefined;
  #session: Session | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  get isIdle(): boolean {
    return this.#controller === undefined;
  }

  play(): void {
    if (this.#controller !== undefined) return;
    const controller = new AbortController();
    const index = this.outcomes.push(undefined) - 1;
    this.#controller = controller;
    const record = (outcome: string): void => {
      expect(this.outcomes[index], 'one outcome').to.equal(undefined);
      this.outcomes[index] = outcome;
    };
    this.#client.play({ title: 'tetris', rtt: { dublin: 10 }, signal: controller.signal }).then(
      (session) => {
        record('matched');
        this.#session = session;
        void session.ended.then(() => this.#forget(controller));
      },
      (error: unknown) => {
        record(error instanceof DusklineError ? error.code : String(error));
        this.#forget(controller);
      },
    );
  }

  giveUp(): void {
    if (this.#session === undefined) this.#controller?.abort();
    else this.endings.push(this.#session.end());
    this.#controller = undefined;
    this.#session = undefined;
  }

  #forget(controller: AbortController): void {
    if (this.#controller !== controller) return;
    this.#controller = undefined;
    this.#session = undefined;
  }
}

const COMMANDS = {
  play: 8,
  giveUp: 6,
  toBroker: 8,
  toClient: 8,
  bothWays: 8,
  cut: 3,
  storeAway: 1,
  storeLosesAnswers: 1,
  storeBack: 2,
  freeSlot: 1,
  fill: 2,
  offer: 3,
  expireOffer: 1,
  endByHost: 1,
  aMoment: 5,
  aSecond: 4,
} as const;
type Command = keyof typeof COMMANDS;

const anyCommands = fc.array(
  fc.oneof(
    ...Object.entries(COMMANDS).map(([command, weight]) => ({
      weight,
      arbitrary: fc.constant(command as Command),
    })),
  ),
  { maxLength: 120, size: 'max' },
);

async function run(commands: readonly Command[]): Promise<void> {
  const broker = new ModelBroker();
  const network = new SimulatedNetwork(broker);
  const clock = new ManualClock();
  const client = createClient({
    url: 'ws://broker.example',
    token: TOKEN,
    device: { ...DEVICE, codecs: [...DEVICE.codecs] },
    WebSocket: network.WebSocket,
    reconnect: AT_ONCE,
    clock,
    random: () => 0.5,
    logger: QUIET,
  });
  const player = new Player(client);
  const act: Record<Command, () => unknown> = {
    play: () => player.play(),
    giveUp: () => player.giveUp(),
    toBroker: () => network.deliverToBroker(),
    toClient: () => network.deliverToClient(),
    bothWays: () => [network.deliverToBroker(), network.deliverToClient()],
    cut: () => network.cut(),
    storeAway: () => (broker.store = 'away'),
    storeLosesAnswers: () => (broker.store = 'lost'),
    storeBack: () => (broker.store = 'present'),
    freeSlot: () => (broker.hasFreeSlot = true),
    fill: () => (broker.hasFreeSlot = false),
    offer: () => broker.offer(),
    expireOffer: () => broker.expireOffer(),
    endByHost: () => broker.endByHost(),
    aMoment: () => clock.advance(10),
    aSecond: () => clock.advance(1_000),
  };
  player.play();
  for (const command of commands) {
    act[command]();
    await nextTurn();
  }

  // The faults stop.
  broker.store = 'present';
  for (let seconds = 0; seconds < 30; seconds += 1) {
    for (let isBusy = true; isBusy;) {
      isBusy = [network.deliverToBroker(), network.deliverToClient()].includes(true);
      await nextTurn();
    }
    broker.offer();
    clock.advance(1_000);
    await nextTurn();
  }
  await Promise.all(player.endings);
  expect(broker.refusals, 'the player had given up what it had before').not.to.include('SESSION_EXISTS');
  expect(broker.live?.state, 'what the player has').to.equal(player.isIdle ? undefined : 'session');
  expect(client.sessions).to.have.length(player.isIdle ? 0 : 1);
  // `SESSION_OVER`: the host ended a session before the client received the end.
  for (const outcome of player.outcomes) expect(outcome).to.be.oneOf(['matched', 'ABORTED', 'SESSION_OVER']);
  await client.close();
  expect(clock.pending, 'timers').to.equal(0);
}

describe('client: any order of commands, losses and answers', function () {
  this.timeout(60_000);

  it('gives each request one outcome, refuses no request because of one that was given up, and leaves nothing reserved', async () => {
    await fc.assert(fc.asyncProperty(anyCommands, run), {
      includeErrorInReport: true,
      numRuns: 500,
    });
  });
});
