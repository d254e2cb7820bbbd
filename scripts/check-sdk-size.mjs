// Bundles the browser entry of the client SDK. Fails if the gzipped bundle is larger than LIMIT_BYTES. Needs a build.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

// Why it is not less: docs/adr/0027-machines-in-the-client-sdk.md.
const LIMIT_BYTES = 11_600;

const result = await build({
  entryPoints: [fileURLToPath(new URL('../client-sdk/dist/index.js', import.meta.url))],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  write: false,
});
const code = result.outputFiles[0].contents;
const gzippedBytes = gzipSync(code, { level: 9 }).length;

console.log(
  `Client SDK: ${gzippedBytes} bytes gzipped, ${code.length} minified (limit ${LIMIT_BYTES} gzipped).`,
);
if (gzippedBytes > LIMIT_BYTES) {
  console.error(`Client SDK is ${gzippedBytes - LIMIT_BYTES} bytes too large.`);
  process.exit(1);
}
