import { CommandFailure } from '@duskline/server/cli/output/command-failure.js';
import { RequestFailure } from '@duskline/server/cli/fleet/operator-client.js';
import { createProgressOutput } from '@duskline/server/cli/output/progress-output.js';
import { watchDrain } from '@duskline/server/cli/drains/watch-drain.js';
import type { DrainReport } from '@duskline/server/broker/drain/drain-orders.js';
import { expect } from 'chai';
import { drainReport } from '../../support/fleet/operator-app.js';
import { nextTurn } from '../../support/time/event-loop.js';

const NEVER = new Promise<never>(() => undefined);

/** Watches a drain whose polls return these answers, one after another. */
function watching(
  answers: (readonly DrainReport[] | Error)[],
  stopped: Promise<unknown> = NEVER,
): { states: string[]; troubles: string[]; end: Promise<DrainReport | undefined> } {
  const states: string[] = [];
  const troubles: string[] = [];
  const end = watchDrain(drainReport(), {
    client: {
      async get<Answer>(path: string) {
        expect(path).to.equal('/v1/drains');
        const answer = answers.shift();
        if (answer === undefined) return NEVER;
        if (answer instanceof Error) throw answer;
        return { drains: answer } as Answer;
      },
    },
    onReport: (drain) => states.push(`${drain.state} ${drain.progress.staying}`),
    onRetry: (failure) => troubles.push(failure.message),
    stopped,
    pause: async () => undefined,
  });
  return { states, troubles, end };
}

const staying = (count: number): DrainReport =>
  drainReport({ progress: { staying: count, left: 4 - count, moved: 0, ended: 0, remaining: 0 } });
const done = drainReport({
  state: 'done',
  progress: { staying: 0, left: 4, moved: 0, ended: 0, remaining: 0 },
});

describe('Watching a drain', () => {
  it('reports every poll, and ends when the drain is done', async () => {
    const other = drainReport({ drainId: 'd0' });
    const { states, end } = watching([[other, staying(3)], [staying(1)], [other, done]]);
    expect(await end).to.equal(done);
    expect(states).to.deep.equal(['running 4', 'running 3', 'running 1', 'done 0']);
  });

  it('continues while no broker answers', async () => {
    const away = new RequestFailure('No broker answers.', undefined, true);
    const { troubles, end } = watching([away, away, [done]]);
    expect(await end).to.equal(done);
    expect(troubles).to.deep.equal(['No broker answers.', 'No broker answers.']);
  });

  it('ends at an error that a retry cannot fix', async () => {
    const forbidden = new RequestFailure('The broker refused: FORBIDDEN.', 'FORBIDDEN', false);
    const failure: unknown = await watching([forbidden]).end.catch((error: unknown) => error);
    expect(failure).to.equal(forbidden);
  });

  it('reports that the target was reopened', async () => {
    const failure: unknown = await watching([[drainReport({ state: 'undone' })]]).end.catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(CommandFailure);
    expect((failure as Error).message).to.include('region near was opened again');
  });

  it('reports that the drain is no longer known', async () => {
    const failure: unknown = await watching([[]]).end.catch((error: unknown) => error);
    expect((failure as Error).message).to.include(
      'The brokers do not know this drain of region near any more',
    );
  });

  it('stops at once when it is interrupted, also during a retry delay', async () => {
    let stop: (value?: unknown) => void = () => undefined;
    const stopped = new Promise((resolve) => (stop = resolve));
    const { states, end } = watching([[staying(3)]], stopped);
    await nextTurn();
    expect(states).to.deep.equal(['running 4', 'running 3']);
    stop();
    expect(await end).to.equal(undefined);
  });
});

describe('Progress', () => {
  function output(terminal: { isTTY?: boolean; columns?: number }): {
    written: string[];
    progress: ReturnType<typeof createProgressOutput>;
  } {
    const written: string[] = [];
    const progress = createProgressOutput({ ...terminal, write: (text) => written.push(text) });
    return { written, progress };
  }

  it('is one line that refreshes on a terminal, cut to its width', () => {
    const { written, progress } = output({ isTTY: true, columns: 20 });
    progress.show('4 staying', 'in 30 s');
    progress.show('4 staying', 'in 29 seconds and more');
    progress.end();
    expect(written).to.deep.equal(['\r4 staying  in 30 s\u001B[K', '\r4 staying  in 29 se\u001B[K', '\n']);
  });

  it('is one plain line per change without a terminal', () => {
    const { written, progress } = output({});
    progress.show('4 staying', 'in 30 s');
    progress.show('4 staying', 'in 29 s');
    progress.show('3 staying', 'in 28 s');
    progress.end();
    expect(written).to.deep.equal(['4 staying\n', '3 staying\n']);
  });
});
