#!/usr/bin/env node
// The command is compiled into dist/; this file exists before the build, so that npm can link it.
import('../dist/cli/main.js').catch((error) => {
  if (error?.code === 'ERR_MODULE_NOT_FOUND' && String(error.message).includes('/dist/cli/main.js')) {
    console.error('duskline: not built yet. Run `npm run build` first.');
    process.exitCode = 1;
    return;
  }
  throw error;
});
