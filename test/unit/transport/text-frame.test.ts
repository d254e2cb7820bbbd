import { textFrame } from '@duskline/server/transport/text-frame.js';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Writable } from 'node:stream';
import * as ws from 'ws';

// A constant of `ws` that is missing in its types.
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

/** The messages that the `ws` client of a peer reads. */
function received(frame: string): string[] {
  const texts: string[] = [];
  const receiver = new Receiver({ isServer: false });
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    expect(isBinary).to.equal(false);
    texts.push(data.toString('utf8'));
  });
  receiver.write(Buffer.from(frame, 'latin1'));
  return texts;
}

const ASCII = fc.string({ unit: fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCharCode(code)) });

describe('A text frame', () => {
  it('is decoded to the text it was made of', () => {
    fc.assert(
      fc.property(ASCII, (text) => {
        expect(received(textFrame(text) ?? '')).to.deep.equal([text]);
      }),
    );
  });

  for (const length of [0, 1, 125, 126, 127, 255, 256, 32_768, 65_535]) {
    it(`of ${length} characters is decoded as one message`, () => {
      expect(received(textFrame('a'.repeat(length)) ?? '')).to.deep.equal(['a'.repeat(length)]);
    });
  }

  it('can follow another one in one write', () => {
    const frames = ['one', 'two', 'x'.repeat(300)].map((text) => textFrame(text) ?? '');
    expect(received(frames.join(''))).to.deep.equal(['one', 'two', 'x'.repeat(300)]);
  });

  it('is not created for text beyond one byte per character, or beyond its length limit', () => {
    expect(textFrame('Zürich')).to.equal(undefined);
    expect(textFrame('夜')).to.equal(undefined);
    expect(textFrame('a'.repeat(65_536))).to.equal(undefined);
  });
});
