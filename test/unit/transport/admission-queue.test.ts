import { AdmissionQueue, type WaitingClient } from '@duskline/server/transport/admission-queue.js';
import { expect } from 'chai';
import { ManualClock } from '../../support/time/manual-clock.js';

const LIMITS = { admissionsPerSecond: 100, admissionWaitMs: 1_000 };

describe('The admission queue of clients', () => {
  let clock: ManualClock;
  let queue: AdmissionQueue<WaitingClient>;
  let admitted: { readonly name: number; readonly atMs: number }[];
  let startMs: number;
  beforeEach(() => {
    clock = new ManualClock();
    startMs = clock.monotonicMs();
    queue = new AdmissionQueue(LIMITS, clock);
    admitted = [];
  });

  function arrive(name: number): { readonly taken: boolean; readonly leave: () => void } {
    let leave = (): void => undefined;
    const answer = queue.enter({
      startWaiting: (onLeft) => (leave = onLeft),
      admit: () => void admitted.push({ name, atMs: clock.monotonicMs() - startMs }),
    });
    return { taken: answer !== 'full', leave };
  }

  it('admits a single client at once', () => {
    for (let i = 0; i < 5; i += 1) {
      arrive(i);
      expect(admitted).to.have.length(i + 1);
      clock.advance(100);
    }
  });

  it('admits simultaneous clients one after the other, in order, at the rate', () => {
    for (let i = 0; i < 100; i += 1) expect(arrive(i).taken).to.equal(true);
    expect(admitted.length).to.be.at.most(4);
    clock.advance(500);
    expect(admitted.length).to.be.within(50, 54);
    clock.advance(500);
    expect(admitted.map(({ name }) => name)).to.deep.equal(Array.from({ length: 100 }, (_, i) => i));
    const perTenth = admitted.filter(({ atMs }) => atMs > 200 && atMs <= 300);
    expect(perTenth).to.have.length(10);
  });

  it('lets no client overtake waiting clients', () => {
    for (let i = 0; i < 6; i += 1) arrive(i);
    clock.advance(5);
    arrive(6);
    clock.advance(1_000);
    expect(admitted.map(({ name }) => name)).to.deep.equal([0, 1, 2, 3, 4, 5, 6]);
  });

  it('does not catch up after long turns of the event loop, because the broker was busy', () => {
    const timers: (() => void)[] = [];
    const slow = {
      monotonicMs: () => clock.monotonicMs(),
      setBackgroundTimer(run: () => void) {
        timers.push(run);
        return () => undefined;
      },
    };
    queue = new AdmissionQueue(LIMITS, slow);
    for (let i = 0; i < 100; i += 1) arrive(i);
    for (let turn = 0; turn < 5; turn += 1) {
      const before = admitted.length;
      clock.advance(300);
      for (const run of timers.splice(0)) run();
      expect(admitted.length - before).to.equal(4);
    }
  });

  it('refuses clients who would wait too long', () => {
    const taken = Array.from({ length: 150 }, (_, i) => arrive(i).taken);
    expect(taken.filter(Boolean)).to.have.length(104);
    expect(taken.lastIndexOf(true)).to.equal(103);
    clock.advance(100);
    expect(arrive(150).taken).to.equal(true);
  });

  it('spends no admission on clients that disconnected while they waited', () => {
    const waiting = Array.from({ length: 50 }, (_, i) => arrive(i));
    for (const arrival of waiting.slice(4, 49)) arrival.leave();
    clock.advance(20);
    expect(admitted.map(({ name }) => name)).to.deep.equal([0, 1, 2, 3, 49]);
  });

  it('queues new clients at once in place of those that disconnected while they waited', () => {
    const waiting = Array.from({ length: 104 }, (_, i) => arrive(i));
    expect(arrive(104).taken).to.equal(false);
    for (const arrival of waiting.slice(4)) arrival.leave();
    const taken = Array.from({ length: 101 }, (_, i) => arrive(200 + i).taken);
    expect(taken.lastIndexOf(true)).to.equal(99);
    expect(taken.indexOf(false)).to.equal(100);
  });

  it('keeps the order of the others when clients in the middle disconnect', () => {
    const waiting = Array.from({ length: 10 }, (_, i) => arrive(i));
    waiting[5]!.leave();
    waiting[7]!.leave();
    arrive(10);
    clock.advance(1_000);
    expect(admitted.map(({ name }) => name)).to.deep.equal([0, 1, 2, 3, 4, 6, 8, 9, 10]);
  });

  it('keeps nothing of clients that connect and disconnect again and again, and admits at the same rate', () => {
    for (let i = 0; i < 5; i += 1) arrive(i);
    for (let i = 0; i < 50_000; i += 1) {
      arrive(1_000 + i).leave();
      // Sometimes nobody waits.
      if (i % 1_000 === 0) clock.advance(100);
    }
    expect(clock.pending).to.be.at.most(1);
    expect(queue.removeAll()).to.have.length(0);

    clock.advance(1_000);
    admitted = [];
    startMs = clock.monotonicMs();
    for (let i = 0; i < 100; i += 1) arrive(i);
    clock.advance(500);
    expect(admitted.length).to.be.within(50, 54);
    expect(clock.pending).to.equal(1);
  });

  it('refuses waiting clients when it is closed', () => {
    for (let i = 0; i < 10; i += 1) arrive(i);
    expect(queue.removeAll()).to.have.length(6);
    clock.advance(1_000);
    expect(admitted).to.have.length(4);
    arrive(10);
    expect(admitted.at(-1)).to.include({ name: 10 });
  });
});
