import { Option, type Command } from 'commander';
import { DusklineError, createClient, type Client, type Session } from '@duskline/client/node';
import {
  CODECS,
  DEVICE_KINDS,
  PLATFORMS,
  RESOLUTIONS,
  type Codec,
  type DeviceKind,
  type Platform,
  type Resolution,
} from '@duskline/protocol/vocabulary';
import { CommandFailure } from '../output/command-failure.js';
import { watchStream } from '@duskline/host/simulated';
import { renderBar } from '../output/text-table.js';
import { resolveToken } from '../tokens/token-source.js';
import { waitForSignal } from '../wait-for-signal.js';
import { wholeNumberArgument } from '../arguments/whole-number.js';

interface PlayCommandOptions {
  readonly url: string[];
  readonly token?: string;
  readonly player: string;
  readonly device: DeviceKind;
  readonly codecs: Codec[];
  readonly resolution: Resolution;
  readonly platform?: Platform;
  readonly only?: string[];
  readonly seconds?: number;
  readonly wait: number;
}

const EXAMPLES = `
The token needs the scope play. Give it with --token or in DUSKLINE_TOKEN. If DUSKLINE_AUTH_SECRET is set, the command
signs a token itself.

Examples:
  $ duskline play starfall
  $ duskline play starfall --device tv --codecs hevc h264 --resolution 1080p
  $ duskline play apex-drift --only eu-west eu-central --seconds 10`;

/** Adds `duskline play`, a player in the terminal: it measures the regions, plays a title, watches the stream and leaves. */
export function addPlayCommand(program: Command): void {
  program
    .command('play')
    .summary('play a title in the terminal')
    .description(
      'Measures the regions, requests a session of a title, and watches the stream until SIGINT or --seconds.',
    )
    .usage('<title> [options]')
    .argument(
      '<title>',
      'the title to play; give it first, because --url, --codecs and --only take several values',
    )
    .option('--url <urls...>', 'URLs of the brokers, tried in turn', ['ws://127.0.0.1:8080'])
    .option('--token <token>', 'player token')
    .option('--player <id>', 'player id, if the command signs the token itself', 'player-1')
    .addOption(new Option('--device <kind>', 'kind of device').choices(DEVICE_KINDS).default('pc'))
    .addOption(
      new Option('--codecs <codecs...>', 'codecs that the device decodes')
        .choices(CODECS)
        .default(['hevc', 'h264']),
    )
    .addOption(
      new Option('--resolution <size>', 'highest resolution of the device')
        .choices(RESOLUTIONS)
        .default('1080p'),
    )
    .addOption(new Option('--platform <platform>', 'only hosts of this platform').choices(PLATFORMS))
    .option('--only <regions...>', 'only these regions')
    .option(
      '--wait <seconds>',
      'longest time to wait in a queue for a free slot, in seconds; 0 does not wait',
      wholeNumberArgument(0, 3_600),
      0,
    )
    .option(
      '--seconds <seconds>',
      'time after which the player leaves, in seconds',
      wholeNumberArgument(1, 86_400),
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(title: string, options: PlayCommandOptions): Promise<void> {
  const token = resolveToken(options.token, process.env, { kind: 'player', playerId: options.player });
  const client = createClient({
    url: options.url.map((url) => url.replace(/^http/, 'ws')),
    token,
    device: { kind: options.device, codecs: options.codecs, maxResolution: options.resolution },
  });
  client.on('status', (status) => {
    if (status.state === 'waiting')
      printLine(`connection to the broker lost; trying again in ${Math.round(status.retryInMs)} ms`);
  });
  try {
    await client.connect();
    const session = await findMatch(client, title, options);
    await watchSession(session, options.seconds);
  } catch (error) {
    if (!(error instanceof DusklineError)) throw error;
    const again =
      error.retryAfterMs === undefined ? '' : ` Try again in ${Math.ceil(error.retryAfterMs / 1000)} s.`;
    throw new CommandFailure(`${error.code}: ${error.message}${again}`);
  } finally {
    await client.close();
  }
}

async function findMatch(client: Client, title: string, options: PlayCommandOptions): Promise<Session> {
  const rtt = await client.measureRegions();
  const measured = Object.entries(rtt).sort(([, a], [, b]) => a - b);
  const slowest = Math.max(1, ...measured.map(([, ms]) => ms));
  printLine('Round-trip times:');
  for (const [region, ms] of measured) {
    printLine(`  ${region.padEnd(16)} ${renderBar(ms / slowest, 20)} ${ms.toFixed(1)} ms`);
  }
  const session = await client.play({
    title,
    rtt,
    wait: options.wait > 0,
    retry: { maxWaitMs: options.wait * 1000 },
    onQueued: ({ position, region }) => printLine(`waiting: position ${position} in the queue of ${region}`),
    ...(options.wait > 0 ? { signal: AbortSignal.timeout(options.wait * 1000) } : {}),
    ...(options.platform === undefined ? {} : { platform: options.platform }),
    ...(options.only === undefined ? {} : { regions: { only: options.only } }),
  });
  const { codec, resolution, fps } = session.stream;
  printLine(`Matched: ${session.reason}`);
  printLine(`  session  ${session.sessionId} (choice ${session.rank} of ${session.candidates})`);
  printLine(`  stream   ${codec} ${resolution} at ${fps} frames a second`);
  printLine(`  endpoint ${session.host.endpoint}`);
  return session;
}

async function watchSession(session: Session, seconds: number | undefined): Promise<void> {
  let frames = 0;
  const over = new Promise<string>((resolve) => {
    const viewer = watchStream(session.host.endpoint, session.ticket, {
      admitted: () => printLine('The host admitted the player. To leave: Ctrl-C'),
      frame: (n) => {
        frames = n;
        if (process.stdout.isTTY) process.stdout.write(`\r  frame ${n} `);
      },
      closed: resolve,
    });
    const timer = seconds === undefined ? undefined : setTimeout(() => viewer.leave(), seconds * 1000);
    void waitForSignal().then(() => viewer.leave());
    void session.ended.then((reason) => {
      clearTimeout(timer);
      // The host admits the other device when this one has gone.
      if (reason === 'replaced') viewer.drop();
    });
  });
  const why = await over;
  if (why === 'dropped') {
    printLine(`\nLeft after ${frames} frames. The session continues on another device of the player.`);
    return;
  }
  if (why !== 'left') throw new CommandFailure(`The stream ended after ${frames} frames: ${why}.`);
  printLine(`\nLeft after ${frames} frames. The session ended with ${await session.ended}.`);
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
