import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CARE_OPTIONS, OPTION } from '../../src/config/options.js';
import { optionsIn, withEdit, type Edit } from '../../src/manifest/edit-arguments.js';

const RS = OPTION.rs;
const add = (value: string): Edit => ({ kind: 'add', option: RS, value });
const remove = (value: string): Edit => ({ kind: 'remove', option: RS, is: (element) => element === value });
const set = (
  flag: 'fall' | 'log-level' | 'masquerade' | 'health-status' | 'health-req-body',
  value: string,
): Edit => ({
  kind: 'set',
  option: OPTION[flag],
  value,
});

/** As sealos writes it, with these arguments. */
const pod = (...args: string[]): string => `apiVersion: v1
kind: Pod
spec:
  containers:
  - args:
    - care
${args.map((arg) => `    - ${arg}\n`).join('')}\
    command: # stays
    - /usr/bin/lvscare
    image: lvscare:1
    name: lvscare
`;

const cases: readonly (readonly [what: string, before: string[], edit: Edit, after: string[]])[] = [
  [
    'adds after the last real server',
    ['--rs=a:1', '--fall=3'],
    add('b:1'),
    ['--rs=a:1', '--rs=b:1', '--fall=3'],
  ],
  [
    'adds after a value on its own line',
    ['--rs', 'a:1', '--x'],
    add('b:1'),
    ['--rs', 'a:1', '--rs=b:1', '--x'],
  ],
  ['removes an argument', ['--rs=a:1', '--rs=b:1'], remove('a:1'), ['--rs=b:1']],
  ['removes an option and its value', ['--rs', 'a:1', '--rs', 'b:1'], remove('b:1'), ['--rs', 'a:1']],
  ['removes from a comma-joined list', ['--rs=a:1,b:1,c:1'], remove('b:1'), ["'--rs=a:1,c:1'"]],
  ['sets what is not there', ['--rs=a:1'], set('fall', '3'), ['--rs=a:1', '--fall=3']],
  ['sets a value', ['--fall=2 # why', '--rs=a:1'], set('fall', '3'), ['--fall=3 # why', '--rs=a:1']],
  ['sets a value in quotes', ['"--fall=2"'], set('fall', '3'), ['--fall=3']],
  ['sets a value on its own line', ['--fall', '"2"'], set('fall', '3'), ['--fall', "'3'"]],
  ['keeps the spelling', ['--logger=INFO'], set('log-level', 'WARN'), ['--logger=WARN']],
  [
    'sets a switch',
    ['--masquerade', '--fall=2'],
    set('masquerade', 'false'),
    ['--masquerade=false', '--fall=2'],
  ],
  [
    'sets a whole list',
    ['--health-status=1', '--fall=2', '--health-status=2'],
    set('health-status', '401'),
    ['--fall=2', '--health-status=401'],
  ],
  ['has the kubelet expand nothing', [], set('health-req-body', '$(A)'), ["'--health-req-body=$$(A)'"]],
];

describe('an edited manifest', () => {
  for (const [what, before, edit, after] of cases)
    it(what, () => {
      assert.equal(withEdit(pod(...before), edit, CARE_OPTIONS), pod(...after));
      const windows = pod(...before).replaceAll('\n', '\r\n');
      assert.equal(withEdit(windows, edit, CARE_OPTIONS), pod(...after).replaceAll('\n', '\r\n'));
    });

  it('is the same when the value is so already', () => {
    const text = pod('--fall', "'3'");
    assert.equal(withEdit(text, set('fall', '3'), CARE_OPTIONS), text);
  });

  it('has its options read as lvscare reads them', () => {
    const found = optionsIn(
      pod('--rs', 'a:1', '-i=eth', '--masquerade', "'--health-req-body=$$x'"),
      CARE_OPTIONS,
    );
    assert.deepEqual(
      found.map(({ flag, value }) => [flag, value]),
      [
        ['rs', 'a:1'],
        ['iface', 'eth'],
        ['masquerade', 'true'],
        ['health-req-body', '$x'],
      ],
    );
  });
});
