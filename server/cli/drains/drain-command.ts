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

/** What a shell says of a command that a signal ended: so that `drain --watch && shutdown` does not go on. */
const STOPPED_EXIT_CODE = { SIGINT: 130, SIGTERM: 143 } as const;

const EXAMPLES = `
NAME is REGION, REGION/POOL or REGION/POOL/HOST. The target takes no new sessions from the order on; those that are there go
on until their players leave, at the latest until the deadline. A target that is being drained already keeps its drain.

With --mode move sessions also go on elsewhere while they are played: those that their hosts call movable, whose clients can
follow, and for which there is room where the title's latency policy allows. The rest is waited for. --dry-run tells how many.

The token needs the scope ops:write, with --watch also ops:read; it may also stand in DUSKLINE_TOKEN.

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
    .description('Closes a region, pool or host to new sessions at once, and empties it by a deadline.')
    .addArgument(new Argument('<kind>', 'what to empty').choices(TARGET_KINDS))
    .argument('<name>', 'its name')
    .requiredOption(
      '--deadline <duration>',
      'when it has to be empty, from now: a number and s, m, h or d',
      durationArgument(1_000, MAX_DEADLINE_MS),
    )
    .addOption(
      new Option('--at-deadline <what>', 'end the sessions that are left then, or keep them')
        .choices(AT_DEADLINE)
        .default('end'),
    )
    .addOption(
      new Option('--mode <mode>', 'wait: until players leave; move: what can be moved goes on elsewhere')
        .choices(DRAIN_MODES)
        .default('wait'),
    )
    .option('--dry-run', 'only show what it would meet')
    .addOption(new Option('--watch', 'show progress until it is done').conflicts('dryRun'))
    .option('--yes-everything', 'close the last open region too');
  addOperatorOptions(command)
    .option('--json', 'print the answer as JSON; with --watch a line for every change')
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
  if (watch === true) await follow(client, drain, json === true);
}

async function send<Answer>(client: OperatorClient, order: object): Promise<Answer> {
  try {
    return await client.post<Answer>('/v1/drains', order);
  } catch (error) {
    if (!(error instanceof RequestFailure) || error.code !== 'LAST_OPEN_REGION') throw error;
    throw new CommandFailure(`${error.message} Here: --yes-everything.`);
  }
}

async function follow(client: OperatorClient, first: DrainReport, json: boolean): Promise<void> {
  // Lines of JSON are for programs: what refreshes would break them.
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
            `deadline ${formatRelativeTime(drain.deadlineAtMs, Date.now())}`,
          );
      },
      onTrouble: (failure) => {
        if (!json) output.show(`${failure.message} Asking again; the drain of ${target} goes on.`);
      },
    });
    output.end();
    if (done === undefined) {
      process.exitCode = STOPPED_EXIT_CODE[(await stopped) as keyof typeof STOPPED_EXIT_CODE];
      const note = `No longer watching. The drain of ${target} goes on; to undo it: duskline undrain ${target}\n`;
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
