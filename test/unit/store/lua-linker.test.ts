import { expect } from 'chai';
import { linkScript } from '@duskline/server/store/redis/lua-linker.js';

const NUMBERS = `-- What is shared.

local FULL, NAME = 100, 'a,b'
local floor = math.floor

-- In hundredths.
local function share(of, all)
  return floor(of * FULL / all)
end

local function unused()
  return share(1, 2)
end
`;

const STATE = `local letters = {}
local function post(letter)
  letters[#letters + 1] = letter
  redis.call('LPUSH', KEYS[7], letter)
end
local function serve()
  post(share(1, 2))
end
`;

/** The lines without those that are empty. */
function linesOf(lua: string): string[] {
  return lua.split('\n').filter((line) => line !== '');
}

describe('a linked script', () => {
  it('starts with the libraries that it uses directly and indirectly, in their order, and nothing else', () => {
    const { lua } = linkScript('return share(ARGV[1], 3)', [NUMBERS, STATE]);
    expect(linesOf(lua)).to.deep.equal([
      'local floor = math.floor',
      'local function share(of, all)',
      '  return floor(of * 100 / all)',
      'end',
      'return share(ARGV[1], 3)',
    ]);
  });

  it('has constants replaced by their values, also its own, except in strings and fields', () => {
    const script = "local OWN = 7\nreturn { 'FULL', it.FULL, FULL, NAME, OWN }";
    const { lua } = linkScript(script, [NUMBERS]);
    expect(linesOf(lua)).to.deep.equal(["return { 'FULL', it.FULL, 100, 'a,b', 7 }"]);
  });

  it('lists the keys that it uses, and numbers them anew', () => {
    const { lua, keys } = linkScript("post('x')\nreturn redis.call('GET', KEYS[12])", [NUMBERS, STATE]);
    expect(keys).to.deep.equal([7, 12]);
    expect(lua)
      .to.contain("redis.call('LPUSH', KEYS[1], letter)")
      .and.to.contain("redis.call('GET', KEYS[2])");
  });

  it('creates rarely used parts where they run, from what is already loaded', () => {
    const script = "post('x')\nif ARGV[1] then\n  --#run serve\nend\nreturn 1";
    const [post = '', serve = ''] = STATE.split(/(?=local function serve)/);
    const { lua } = linkScript(script, [NUMBERS, post], [serve]);
    const seldom = linesOf(lua).slice(linesOf(lua).indexOf('if ARGV[1] then'));
    expect(seldom).to.include('local function serve()').and.to.include('serve()');
    expect(seldom).not.to.include('local letters = {}');
  });

  it('is refused when a name of its own hides one that such a part uses', () => {
    const script = 'local count = share(1, 2)\nlocal share = 1\nif count then\n  --#run serve\nend';
    expect(() => linkScript(script, [NUMBERS], [STATE])).to.throw(RangeError, '"share"');
  });

  it('is refused when a constant has two values', () => {
    expect(() => linkScript('return FULL', [NUMBERS, 'local FULL = 7\n'])).to.throw(RangeError, 'FULL');
  });
});
