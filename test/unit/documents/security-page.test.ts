import { readFileSync } from 'node:fs';
import { TOKEN_ALGORITHMS } from '@duskline/server/auth/auth-config.js';
import { SUBJECT_PATTERN } from '@duskline/server/auth/claims.js';
import { expect } from 'chai';
import { ROOT } from './markdown.js';

const PAGE = readFileSync(`${ROOT}docs/run/security.md`, 'utf8');

describe('docs/run/security.md', () => {
  it('describes the claims of a token', () => {
    expect(PAGE).to.include(`\`${SUBJECT_PATTERN}\``);
    expect(PAGE).to.include('[`auth.clockToleranceS`](configuration.md#');
    for (const algorithm of TOKEN_ALGORITHMS) expect(PAGE).to.include(algorithm);
  });
});
