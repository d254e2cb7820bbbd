import { toUnixMs } from '../../domain/store-time.js';
import { Argument, Option, type Command } from 'commander';
import type { DrainPreview, DrainReport } from '../../broker/drain/drain-orders.js';
import { AT_DEADLINE, DRAIN_MODES, type AtDeadline, type DrainMode } from '../../domain/drain.js';
import { durationArgument } from '../arguments/duration.js';
import { CommandFailure } from '../output/command-failure.js';
import {
  RequestFailure,
  addOperatorOptions,
  createOperatorClient,
  type OperatorClient,
  type OperatorOptions,
} from '../fleet/operator-client.js';
import { TARGET_KINDS, describeTarget, parseTarget, type TargetKind } from '../arguments/target-argument.js';
import { createProgressOutput } from '../output/progress-output.js';
import { formatRelativeTime } from '../output/relative-time.js';
import { renderOrdered, renderPreview, renderProgress, renderSummary } from './render-drains.js';
import { waitForSignal } from '../wait-for-signal.js';
import { watchDrain } from './watch-drain.js';

interface DrainOptions extends OperatorOptions {
  readonly deadline: number;
  readonly atDeadline: AtDeadline;
  readonly mode: DrainMode;
  readonly dryRun?: true;
  readonly watch?: true;
  readonly yesEverything?: true;
  readonly json?: true;
}

const MAX_DEADLINE_MS = 30 * 86_400_000;

/** The exit codes of commands that a signal ended, so that a shell does not run `shutdown` in `drain --watch && shutdown`. */
const STOPPED_EXIT_CODE = { SIGINT: 130, SIGTERM: 143 } as const;

const EXAMPLES = `
NAME is REGION, REGION/POOL or REGION/POOL/HOST. The target takes no new sessions from now on. Its sessions go on until their
players leave, at the latest until the deadline. If the target is being drained already, that drain goes on unchanged.

With --mode move, sessions also move to other hosts while they are played: sessions that their hosts report as movable, whose
clients can follow, and for which a host within the title's latency policy has a free slot. The command waits for the players
of the other sessions to leave. --dry-run shows the numbers without draining anything.

The token needs the scope ops:write, and ops:read for --watch. Give it with --token or in DUSKLINE_TOKEN.

Examples:
  $ export DUSKLINE_TOKEN="$(duskline token --operator me --scope "ops:read ops:write")"
  $ duskline drain region eu-west --deadline 30m --dry-run
  $ duskline drain region eu-west --deadline 30m --mode move --watch
  $ duskline drain pool eu-west/console-x --deadline 2h --watch
  $ duskline drain host eu-west/console-x/host-1 --deadline 90s --at-deadline keep`;

/** Adds `duskline drain`: empties a region, a pool or a host by a deadline. */
export function addDrainCommand(program: Command): void {
  const command = program
    .command('drain')
    .summary('empty a region, pool or host by a deadline')
    .description('Closes a region, pool or host to new sessions at once, and empties it until a deadline.')
    .addArgument(new Argument('<kind>', 'kind of target').choices(TARGET_KINDS))
    .argument('<name>', 'name of the target')
    .requiredOption(
      '--deadline <duration>',
      'time from now until the target must be empty: a number and s, m, h or d',
      durationArgument(1_000, MAX_DEADLINE_MS),
    )
    .addOption(
      new Option('--at-deadline <what>', 'end the sessions that are left at the deadline, or keep them')
        .choices(AT_DEADLINE)
        .default('end'),
    )
    .addOption(
      new Option('--mode <mode>', 'wait: wait until players leave; move: also move sessions to other hosts')
        .choices(DRAIN_MODES)
        .default('wait'),
    )
    .option('--dry-run', 'show what the drain would do, without draining')
    .addOption(new Option('--watch', 'show progress until the drain is done').conflicts('dryRun'))
    .option('--yes-everything', 'drain even if no region stays open');
  addOperatorOptions(command)
    .option('--json', 'print the answer as JSON; with --watch one line for every change')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(kind: TargetKind, name: string, options: DrainOptions): Promise<void> {
  const { deadline, atDeadline, mode, dryRun, watch, yesEverything, json } = options;
  const target = parseTarget(kind, name);
  const client = createOperatorClient(options);
  const order = { target, deadlineMs: deadline, mode, atDeadline, yesEverything: yesEverything === true };
  if (dryRun === true) {
    const preview = await send<DrainPreview>(client, { ...order, dryRun: true });
    write(json === true ? `${JSON.stringify(preview)}\n` : renderPreview(preview));
    return;
  }
  const drain = await send<DrainReport>(client, order);
  if (json !== true) write(renderOrdered(drain, Date.now()));
  else if (watch !== true) write(`${JSON.stringify(drain)}\n`);
  if (watch === true) await watchProgress(client, drain, json === true);
}

async function send<Answer>(client: OperatorClient, order: object): Promise<Answer> {
  try {
    return await client.post<Answer>('/v1/drains', order);
  } catch (error) {
    if (!(error instanceof RequestFailure) || error.code !== 'LAST_OPEN_REGION') throw error;
    throw new CommandFailure(`${error.message} With this command: --yes-everything.`);
  }
}

async function watchProgress(client: OperatorClient, first: DrainReport, json: boolean): Promise<void> {
  // Lines of JSON are for programs, which cannot read a line that refreshes.
  const output = createProgressOutput(json ? { write } : process.stdout);
  const stopped = waitForSignal();
  const target = describeTarget(first.target);
  try {
    const done = await watchDrain(first, {
      client,
      stopped,
      onReport: (drain) => {
        if (json) output.show(JSON.stringify(drain));
        else
          output.show(
            renderProgress(drain),
            `deadline ${formatRelativeTime(toUnixMs(drain.deadlineAtMs), Date.now())}`,
          );
      },
      onRetry: (failure) => {
        if (!json) output.show(`${failure.message} Trying again. The drain of ${target} goes on.`);
      },
    });
    output.end();
    if (done === undefined) {
      process.exitCode = STOPPED_EXIT_CODE[(await stopped) as keyof typeof STOPPED_EXIT_CODE];
      const note = `Stopped watching. The drain of ${target} goes on. To undo it: duskline undrain ${target}\n`;
      if (json) process.stderr.write(note);
      else write(note);
    } else if (!json) {
      write(renderSummary(done));
    }
  } finally {
    output.end();
  }
}

function write(text: string): void {
  process.stdout.write(text);
}
