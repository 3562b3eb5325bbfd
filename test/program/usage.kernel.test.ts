import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab } from '../../lab/index.js';
import { fingerprint, lvscare } from './lvscare.js';

const VS = ['--vs', '10.103.97.2:6443'];
const RS = ['--rs', '10.103.97.200:6443'];

/** Wrong arguments of `lvscare care`, and what is said of them. */
const wrong: readonly { readonly args: readonly string[]; readonly says: RegExp }[] = [
  { args: [...RS], says: /^--vs: expected .*IP:PORT.*, got nothing$/ },
  { args: [...VS], says: /^--rs: expected at least one real server.*, got nothing$/ },
  { args: ['--vs', '10.103.97.2', ...RS], says: /^--vs: expected IP:PORT.*, got "10\.103\.97\.2"$/ },
  { args: [...VS, '--rs', 'host:99999'], says: /^--rs: expected IP:PORT.*, got "host:99999"$/ },
  {
    args: [...VS, '--rs', '10.103.97.200:99999'],
    says: /^--rs: expected a port.*, got "10\.103\.97\.200:99999"$/,
  },
  {
    args: [...VS, ...RS, ...RS],
    says: /^--rs: expected each real server once, got "10\.103\.97\.200:6443"$/,
  },
  { args: [...VS, '--rs', '[fd00::1]:6443'], says: /^--rs: expected IPv4 .*, got "\[fd00::1\]:6443"$/ },
  { args: [...VS, ...RS, '--interval', '-1'], says: /^--interval: expected .*, got "-1"$/ },
  { args: [...VS, ...RS, '--fall', '0'], says: /^--fall: expected .*, got "0"$/ },
  { args: [...VS, ...RS, '--mode', 'bridge'], says: /^--mode: expected .*local.*, got "bridge"$/ },
  { args: [...VS, ...RS, '--ip', 'fd00::1'], says: /^--ip: expected IPv4 .*, got "fd00::1"$/ },
  {
    args: [...VS, ...RS, '--health-ca', '/nonexistent'],
    says: /^--health-ca: expected .*, got "\/nonexistent"$/,
  },
  { args: [...VS, ...RS, '--unknown-flag'], says: /^--unknown-flag: / },
  {
    args: [...VS, ...RS, '--run-once', '-C'],
    says: /^--run-once: expected no -C beside it, got "-C"$/,
  },
];

describe('wrong arguments', () => {
  let lab: Lab;
  let untouched = '';
  before(async () => {
    lab = await Lab.create({ masters: 1 });
    untouched = await fingerprint(lab.node);
  });
  after(() => lab.close());

  for (const { args, says } of wrong) {
    it(`${args.join(' ')}: one line, exit code 2, the kernel as it was`, async () => {
      const { status, stdout, stderr } = await lvscare(lab.node, ['care', ...args]);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^[^\n]+\n$/, 'one line');
      assert.match(stderr.trimEnd(), says);
      assert.equal(await fingerprint(lab.node), untouched);
    });
  }
});
