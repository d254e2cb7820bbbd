import type { FileReader } from '@duskline/server/config/file-reader.js';
import { expect } from 'chai';
import { EC, pemOf, RSA } from '../auth/keys.js';
import { ENV, load, mistakesOf, validDocument } from './valid-config.js';

const FILES: Record<string, string> = {
  'ec.pem': pemOf(EC.publicKey),
  'rsa.pem': pemOf(RSA.publicKey),
  'private.pem': pemOf(EC.privateKey),
  'text.pem': 'no key',
};
const readFile: FileReader = (path) => {
  const text = FILES[path];
  return text === undefined ? { ok: false, problem: 'cannot be read (ENOENT)' } : { ok: true, text };
};
const NO_AUTH_SECRET = { ...ENV, DUSKLINE_AUTH_SECRET: undefined };

function mistakesWith(auth: object, env = ENV): string[] {
  return mistakesOf({ ...validDocument(), auth }, env, readFile);
}

describe('configuration of auth', () => {
  it('accepts HS256 with the secret from the environment', () => {
    const { auth } = load({
      ...validDocument(),
      auth: { algorithms: ['HS256'], issuer: 'dev', clockToleranceS: 0 },
    });
    expect(auth).to.include({ issuer: 'dev', clockToleranceS: 0 });
    expect(auth.keys.kind).to.equal('secret');
  });

  it('accepts ES256 or RS256 with a key file, without a secret', () => {
    expect(mistakesWith({ algorithms: ['ES256'], publicKeyFile: 'ec.pem' }, NO_AUTH_SECRET)).to.deep.equal(
      [],
    );
    expect(mistakesWith({ algorithms: ['RS256'], publicKeyFile: 'rsa.pem' }, NO_AUTH_SECRET)).to.deep.equal(
      [],
    );
  });

  it('accepts ES256 and RS256 together with a key set', () => {
    const auth = { algorithms: ['ES256', 'RS256'], jwksUrl: 'https://id.example.com/jwks.json' };
    expect(load({ ...validDocument(), auth }, NO_AUTH_SECRET).auth.keys).to.deep.equal({
      kind: 'jwks',
      url: 'https://id.example.com/jwks.json',
    });
  });

  it('refuses `none` and every unknown algorithm', () => {
    for (const algorithm of ['none', 'None', 'HS512', 'PS256']) {
      expect(mistakesWith({ algorithms: [algorithm] })).to.deep.equal([
        'auth.algorithms[0]: must be one of: HS256, ES256, RS256',
      ]);
    }
    expect(mistakesWith({ algorithms: [] })).to.have.lengthOf(1);
  });

  it('refuses HS256 beside an asymmetric algorithm', () => {
    const mistakes = mistakesWith({ algorithms: ['HS256', 'RS256'], publicKeyFile: 'rsa.pem' });
    expect(mistakes).to.have.lengthOf(2);
    expect(mistakes[0]).to.include('auth.algorithms: HS256 must be the only algorithm');
    expect(mistakes[1]).to.include('auth: publicKeyFile and jwksUrl are for ES256 and RS256');
  });

  it('refuses HS256 with a public key', () => {
    expect(mistakesWith({ algorithms: ['HS256'], jwksUrl: 'https://id.example.com/' })).to.have.lengthOf(1);
  });

  it('refuses an algorithm named twice', () => {
    expect(mistakesWith({ algorithms: ['HS256', 'HS256'] })).to.deep.equal([
      'auth.algorithms: contains an algorithm twice',
    ]);
  });

  it('requires exactly one source of public keys', () => {
    expect(mistakesWith({ algorithms: ['ES256'] })).to.deep.equal([
      'auth: needs publicKeyFile or jwksUrl for ES256',
    ]);
    expect(
      mistakesWith({ algorithms: ['ES256'], publicKeyFile: 'ec.pem', jwksUrl: 'https://id.example.com/' }),
    ).to.deep.equal(['auth: set publicKeyFile or jwksUrl, not both']);
  });

  const badFiles: [string, string[], string][] = [
    ['gone.pem', ['ES256'], 'cannot be read (ENOENT)'],
    ['text.pem', ['ES256'], 'contains no public key in PEM'],
    ['private.pem', ['ES256'], 'contains a private key; give brokers the public key only'],
    ['rsa.pem', ['ES256'], 'is not a P-256 key, which ES256 needs'],
    ['ec.pem', ['RS256'], 'is not an RSA key, which RS256 needs'],
    [
      'ec.pem',
      ['ES256', 'RS256'],
      'one key is for one algorithm; set one algorithm, or use jwksUrl for ES256 and RS256',
    ],
  ];
  for (const [file, algorithms, message] of badFiles) {
    it(`refuses ${file} for ${algorithms.join(' and ')}`, () => {
      expect(mistakesWith({ algorithms, publicKeyFile: file })).to.deep.equal([
        `auth.publicKeyFile: ${message}`,
      ]);
    });
  }

  it('requires TLS for key URLs, except on localhost', () => {
    const algorithms = ['ES256'];
    for (const jwksUrl of ['http://localhost:9000/jwks', 'http://127.0.0.1/jwks', 'http://[::1]:9000/jwks']) {
      expect(mistakesWith({ algorithms, jwksUrl }), jwksUrl).to.deep.equal([]);
    }
    const unsafe = [
      'http://id.example.com/',
      'http://localhost.example.com/',
      'ftp://x/',
      'id',
      'https://u:p@x/',
    ];
    for (const jwksUrl of unsafe) {
      expect(mistakesWith({ algorithms, jwksUrl }).join(), jwksUrl).to.match(/^auth\.jwksUrl: /);
    }
  });

  it('limits the clock tolerance', () => {
    expect(mistakesWith({ algorithms: ['HS256'], clockToleranceS: 61 })).to.deep.equal([
      'auth.clockToleranceS: must be <= 60',
    ]);
  });
});
