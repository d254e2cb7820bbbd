import { stopShared } from './shared.js';

// A rejection that nobody handles is a fault like an exception that nobody catches: thrown here, it fails
// the test that runs, and the run.
process.on('unhandledRejection', (reason) => {
  throw reason instanceof Error ? reason : new Error(`rejected with ${String(reason)}`);
});

export const mochaHooks = {
  async afterAll(): Promise<void> {
    await stopShared();
  },
};
