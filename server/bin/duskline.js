#!/usr/bin/env -S node --max-semi-space-size=32
// Twice Node's default size of the young generation: half as many collections, and fewer objects of a match survive one.
// The command is bundled into dist/bundle/; this file exists before the build, so that npm can link it.
import('../dist/bundle/duskline.js').catch((error) => {
  if (error?.code === 'ERR_MODULE_NOT_FOUND' && String(error.message).includes('/dist/bundle/duskline.js')) {
    console.error('duskline: not built yet. Run `npm run build` first.');
    process.exitCode = 1;
    return;
  }
  throw error;
});
