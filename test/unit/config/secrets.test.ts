import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { Secret } from '@duskline/server/config/secret.js';
import { expect } from 'chai';
import { ENV, load, mistakesOf, validDocument } from './valid-config.js';

function mistakesWith(env: Record<string, string | undefined>): string[] {
  return mistakesOf(validDocument(), { ...ENV, ...env });
}

describe('configuration of secrets', () => {
  it('reports every missing secret', () => {
    const mistakes = mistakesOf(validDocument(), {});
    expect(mistakes).to.have.lengthOf(2);
    expect(mistakes[0]).to.match(/^DUSKLINE_AUTH_SECRET: is not set/);
    expect(mistakes[1]).to.match(/^DUSKLINE_TICKET_MASTER_KEY: is not set/);
    expect(mistakesWith({ DUSKLINE_AUTH_SECRET: '', DUSKLINE_TICKET_MASTER_KEY: ' ' })).to.have.lengthOf(2);
  });

  it('refuses short secrets, counted in bytes', () => {
    expect(mistakesWith({ DUSKLINE_AUTH_SECRET: 'short' })).to.deep.equal([
      'DUSKLINE_AUTH_SECRET: has 5 bytes, needs at least 32',
    ]);
    expect(mistakesWith({ DUSKLINE_TICKET_MASTER_KEY: randomBytes(31).toString('hex') })).to.deep.equal([
      'DUSKLINE_TICKET_MASTER_KEY: has 31 bytes, needs at least 32',
    ]);
  });

  it('refuses secrets that repeat a few bytes', () => {
    expect(mistakesWith({ DUSKLINE_AUTH_SECRET: 'x'.repeat(64) }).join()).to.include(
      'consists of a few repeated bytes',
    );
    expect(mistakesWith({ DUSKLINE_TICKET_MASTER_KEY: '00'.repeat(32) }).join()).to.include(
      'consists of a few repeated bytes',
    );
  });

  it('reads the master key in hex, base64 and base64url, and in no other form', () => {
    const bytes = randomBytes(32);
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      const env = { ...ENV, DUSKLINE_TICKET_MASTER_KEY: ` ${bytes.toString(form)}\n` };
      expect(load(validDocument(), env).ticketMasterKey.export(), form).to.deep.equal(bytes);
    }
    for (const text of ['correct horse battery staple!', `${'abcd'.repeat(16)}e`]) {
      expect(mistakesWith({ DUSKLINE_TICKET_MASTER_KEY: text })).to.deep.equal([
        'DUSKLINE_TICKET_MASTER_KEY: is neither hex nor base64',
      ]);
    }
  });

  it('refuses one secret for tokens and tickets', () => {
    const same = randomBytes(48).toString('base64');
    expect(mistakesWith({ DUSKLINE_AUTH_SECRET: same, DUSKLINE_TICKET_MASTER_KEY: same }).join()).to.include(
      'must differ from DUSKLINE_AUTH_SECRET',
    );
  });

  it('never repeats a secret in an error', () => {
    const mistakes = mistakesWith({
      DUSKLINE_AUTH_SECRET: 'hunter2',
      DUSKLINE_TICKET_MASTER_KEY: 'tr0ub4dor&3',
    });
    expect(mistakes.join()).not.to.match(/hunter2|tr0ub4dor/);
  });

  it('hides secrets however they are printed', () => {
    const secret = new Secret('hunter2');
    expect([String(secret), JSON.stringify({ secret }), inspect({ secret })].join()).not.to.include(
      'hunter2',
    );
    expect(secret.reveal()).to.equal('hunter2');
  });
});
