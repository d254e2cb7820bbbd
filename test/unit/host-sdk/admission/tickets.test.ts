import { expect } from 'chai';
import { TicketVerifier, type TicketCheck } from '@duskline/host/internal/admission/ticket-verifier';
import { ADDRESS, keyOf, signTicket, TICKET_KEY, type TicketChoices } from '../tickets.js';

const NOW_MS = Date.UTC(2030, 0, 1);
const NOW_S = NOW_MS / 1000;

function createVerifier(toleranceMs = 0): TicketVerifier {
  const verifier = new TicketVerifier({ address: ADDRESS, wallMs: () => NOW_MS, toleranceMs });
  expect(verifier.setKey(TICKET_KEY)).to.be.true;
  return verifier;
}

function faultOf(check: TicketCheck): string {
  return check.ok ? 'none' : check.fault;
}

describe('host tickets', () => {
  it('accepts a ticket signed for this host', () => {
    const check = createVerifier().verify(signTicket());
    expect(check).to.have.nested.property('ticket.playerId', 'player-1');
  });

  const refused: Record<string, { choices: TicketChoices; fault: string }> = {
    'signed with the key of another host': { choices: { key: keyOf('host-2') }, fault: 'bad_signature' },
    'signed with HS512 and the right key': { choices: { algorithm: 'HS512' }, fault: 'bad_signature' },
    'signed with HS384 and the right key': { choices: { algorithm: 'HS384' }, fault: 'bad_signature' },
    'not signed, algorithm none': { choices: { algorithm: 'none' }, fault: 'bad_signature' },
    'expired this second': { choices: { claims: { exp: NOW_S } }, fault: 'expired' },
    'not valid yet': { choices: { claims: { nbf: NOW_S + 60 } }, fault: 'bad_signature' },
    'for another host': {
      choices: { claims: { aud: 'host:dublin/pc-rtx/host-2' } },
      fault: 'wrong_audience',
    },
    'for a host of the same name in another pool': {
      choices: { claims: { aud: 'host:dublin/console/host-1' } },
      fault: 'wrong_audience',
    },
    'for several hosts at once': {
      choices: { claims: { aud: ['host:dublin/pc-rtx/host-1', 'host:dublin/pc-rtx/host-2'] } },
      fault: 'bad_claims',
    },
    'of another issuer': { choices: { claims: { iss: 'somebody' } }, fault: 'bad_claims' },
    'without an expiry': { choices: { claims: { exp: undefined } }, fault: 'bad_claims' },
    'without an epoch': { choices: { claims: { epoch: undefined } }, fault: 'bad_claims' },
    'with an epoch that is not a number': { choices: { claims: { epoch: '1' } }, fault: 'bad_claims' },
    'with an invalid session id': { choices: { claims: { sid: 'session-1' } }, fault: 'bad_claims' },
  };
  for (const [name, { choices, fault }] of Object.entries(refused)) {
    it(`refuses a ticket ${name}`, () => {
      expect(faultOf(createVerifier().verify(signTicket(choices)))).to.equal(fault);
    });
  }

  it('refuses a ticket whose claims were changed after signing', () => {
    const [header, , signature] = signTicket().split('.');
    const [, payload] = signTicket({ claims: { epoch: 9 } }).split('.');
    const forged = [header, payload, signature].join('.');
    expect(faultOf(createVerifier().verify(forged))).to.equal('bad_signature');
  });

  it('refuses a ticket whose algorithm was changed to none', () => {
    const [, payload, signature] = signTicket().split('.');
    const header = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    const verifier = createVerifier();
    expect(faultOf(verifier.verify([header, payload, signature].join('.')))).to.equal('bad_signature');
    expect(faultOf(verifier.verify([header, payload, ''].join('.')))).to.equal('bad_signature');
  });

  it('refuses any text that is not a token', () => {
    const verifier = createVerifier();
    for (const text of ['', '.', '..', 'a.b.c', '{}', 'x'.repeat(100_000), '\u0000.\u0000.\u0000']) {
      expect(faultOf(verifier.verify(text)), text.slice(0, 20)).to.equal('bad_signature');
    }
    const others: unknown[] = [undefined, null, 7, {}, []];
    for (const value of others) {
      expect(faultOf(verifier.verify(value as string))).to.equal('bad_signature');
    }
  });

  it('tolerates different clocks within the configured tolerance', () => {
    const late = signTicket({ claims: { exp: NOW_S - 3 } });
    expect(faultOf(createVerifier(5_000).verify(late))).to.equal('none');
    expect(faultOf(createVerifier(2_000).verify(late))).to.equal('expired');
  });

  it('accepts no ticket before it has a key, and none of an earlier key afterwards', () => {
    const verifier = new TicketVerifier({ address: ADDRESS, wallMs: () => NOW_MS, toleranceMs: 0 });
    expect(faultOf(verifier.verify(signTicket()))).to.equal('no_key');
    verifier.setKey(TICKET_KEY);
    verifier.setKey(keyOf('a later one'));
    expect(faultOf(verifier.verify(signTicket()))).to.equal('bad_signature');
    expect(faultOf(verifier.verify(signTicket({ key: keyOf('a later one') })))).to.equal('none');
  });

  it('refuses a key that is too short, and keeps the current one', () => {
    const verifier = createVerifier();
    expect(verifier.setKey('')).to.be.false;
    expect(verifier.setKey(Buffer.alloc(31, 7).toString('base64url'))).to.be.false;
    expect(faultOf(verifier.verify(signTicket()))).to.equal('none');
  });
});
