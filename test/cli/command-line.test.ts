import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCommandLine, type Command } from '../../src/cli/command-line.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { readCareConfig } from '../../src/config/care-config.js';
import { readProbeCommandConfig } from '../../src/config/probe-command-config.js';
import { readSettings } from '../../src/config/config-file.js';
import { CARE_OPTIONS } from '../../src/config/options.js';
import { Settings } from '../../src/config/settings.js';
import { UsageError } from '../../src/config/usage-error.js';

const WIDTH = 80;

type Run = Extract<Command, { kind: 'run' }>;

/** A command line as one would type it: words between spaces. */
function typed(line: string): Promise<Command> {
  return readCommandLine(line === '' ? [] : line.split(' '), WIDTH);
}

/** The same, but for how its options were spelled. */
async function read(line: string): Promise<Omit<Run, 'spelled'> | Exclude<Command, Run>> {
  const command = await typed(line);
  if (command.kind === 'print') return command;
  const { spelled: _, ...rest } = command;
  return rest;
}

/** What `lvscare care` is given. */
async function given(line: string): Promise<unknown> {
  const command = await read(`care ${line}`);
  assert.ok(command.kind === 'run' && command.name === 'care');
  return command.given;
}

async function printed(line: string, width = WIDTH): Promise<string> {
  const command = await readCommandLine(line.split(' '), width);
  assert.equal(command.kind, 'print');
  return command.text;
}

describe('the command line of care', () => {
  const cases: readonly (readonly [line: string, given: Record<string, readonly string[]>])[] = [
    ['--vs 10.103.97.2:6443', { vs: ['10.103.97.2:6443'] }],
    ['--vs=10.103.97.2:6443', { vs: ['10.103.97.2:6443'] }],
    ['--rs a --rs b,c', { rs: ['a', 'b,c'] }],
    ['--rs=a --rs=b', { rs: ['a', 'b'] }],
    ['--interval 5', { interval: ['5'] }],
    ['--interval -1', { interval: ['-1'] }],
    ['--interval=-1', { interval: ['-1'] }],
    ['--interval 1 --interval 2', { interval: ['1', '2'] }],
    ['--fall 0x10 --rise 1e3', { fall: ['0x10'], rise: ['1e3'] }],
    ['--ip 10.1 --masqueradebit 007', { ip: ['10.1'], masqueradebit: ['007'] }],
    ['--health-req-body --x', { 'health-req-body': ['--x'] }],
    ['--health-req-body=a=b', { 'health-req-body': ['a=b'] }],
    ['--health-req-body "quoted"', { 'health-req-body': ['"quoted"'] }],
    ['--mode=', { mode: [''] }],
    ['--mode ', { mode: [''] }],
    ['--vs --rs x', { vs: ['--rs'] }],
    ['--health-scheme http', { 'health-schem': ['http'] }],
    ['--logger DEBG', { 'log-level': ['DEBG'] }],
    ['--log-level WARN --logger DEBG', { 'log-level': ['WARN', 'DEBG'] }],
    ['--iface lo', { iface: ['lo'] }],
    ['-i lo', { iface: ['lo'] }],
    ['-ilo', { iface: ['lo'] }],
    ['-i=lo', { iface: ['lo'] }],
    ['--clean', { clean: ['true'] }],
    ['-C', { clean: ['true'] }],
    ['-C=false', { clean: ['false'] }],
    ['-Ci lo', { clean: ['true'], iface: ['lo'] }],
    ['-CC', { clean: ['true', 'true'] }],
    ['--run-once=1', { 'run-once': ['true'] }],
    ['--run-once=T --dry-run=0', { 'run-once': ['true'], 'dry-run': ['false'] }],
    ['--run-once --run-once=false', { 'run-once': ['true', 'false'] }],
    ['--health-insecure-skip-verify=false', { 'health-insecure-skip-verify': ['false'] }],
    ['--health-req-headers a=b,c=d', { 'health-req-headers': ['a=b,c=d'] }],
    ['--help=false --fall 3', { fall: ['3'] }],
  ];
  for (const [line, expected] of cases) {
    it(line, async () => {
      assert.deepEqual(await given(line), expected);
    });
  }

  it('knows every option, and gives none that was not given', async () => {
    assert.deepEqual(await given(''), {});
    for (const { flag, kind } of CARE_OPTIONS) {
      assert.deepEqual(await given(kind === 'switch' ? `--${flag}` : `--${flag} true`), { [flag]: ['true'] });
    }
  });

  for (const stray of ['false', 'F', '10.0.0.2:6443', '10.0.0.2:6443,', '[fd00::1]:6443']) {
    it(`refuses the stray ${stray}, without which the opposite would be done`, async () => {
      await assert.rejects(readCommandLine(['care', '--vs', 'x', '--clean', stray], 80), UsageError);
    });
  }

  it('tolerates stray arguments, wherever they are', async () => {
    const command = await read('care one --fall 3 two --run-once true -- --vs x');
    assert.ok(command.kind === 'run' && command.name === 'care');
    assert.deepEqual(command.words, ['one', 'two', 'true', '--vs', 'x']);
    assert.deepEqual(command.given['run-once'], ['true']);
  });

  it('takes the options of klog when the environment asks for them, as the Go program does', async () => {
    const args = ['care', '--v=4', '-v', '5', '-v6', '--logtostderr', '--log_dir', '/tmp'];
    const command = await readCommandLine(args, WIDTH, { ENABLE_KLOG_FLAGS: 'T' });
    assert.ok(command.kind === 'run');
    assert.deepEqual(command.given, { v: ['4', '5', '6'], logtostderr: ['true'], log_dir: ['/tmp'] });
    for (const asked of [undefined, '', 'false', 'perhaps']) {
      await assert.rejects(readCommandLine(args, WIDTH, { ENABLE_KLOG_FLAGS: asked }), UsageError);
    }
    await assert.rejects(
      readCommandLine(['version', '--v=4'], WIDTH, { ENABLE_KLOG_FLAGS: '1' }),
      UsageError,
    );
  });

  const spellings: readonly (readonly [line: string, says: string])[] = [
    ['--logger FOO', '--logger: expected one of DEBUG, INFO, WARN, ERROR, got "FOO"'],
    ['--log-level FOO', '--log-level: expected one of DEBUG, INFO, WARN, ERROR, got "FOO"'],
    [
      '--vs 10.0.0.1:1 --rs 10.0.0.2:1 --health-scheme ftp',
      '--health-scheme: expected one of https, http, got "ftp"',
    ],
    [
      '--vs 10.0.0.1:1 --rs 10.0.0.2:1 -i a/b',
      '-i: expected the name of an interface, at most 15 bytes without / or spaces, got "a/b"',
    ],
  ];
  for (const [line, says] of spellings) {
    it(`has its own spelling in an error: ${line}`, async () => {
      const command = await typed(`care ${line}`);
      assert.ok(command.kind === 'run');
      const settings = await readSettings(command.given, {}, command.spelled);
      assert.throws(() => readCareConfig(settings, {}, { elsewhere: true }), { message: says });
    });
  }

  it('may have its options before the command', async () => {
    const command = await read('--vs 10.103.97.2:6443 care');
    assert.ok(command.kind === 'run' && command.name === 'care');
    assert.deepEqual(command.given['vs'], ['10.103.97.2:6443']);
  });

  it('takes the arguments of the static pod that sealos writes', async () => {
    const command = await read(
      'care --vs 10.103.97.2:6443 --health-path /healthz --health-schem https ' +
        '--rs 10.0.0.1:6443 --rs 10.0.0.2:6443 --rs 10.0.0.3:6443',
    );
    assert.ok(command.kind === 'run' && command.name === 'care');
    const config = readCareConfig(new Settings(command.given, {}), {}, { defaultCa: '/nowhere' });
    assert.equal(config.virtualServer.text, '10.103.97.2:6443');
    assert.equal(config.realServers.length, 3);
    assert.equal(config.probe.path, '/healthz');
  });
});

describe('the other commands', () => {
  it('are version, in two lengths', async () => {
    assert.deepEqual(await read('version'), { kind: 'run', name: 'version', given: {}, words: [] });
    assert.deepEqual(await read('version --short'), {
      kind: 'run',
      name: 'version',
      given: { short: ['true'] },
      words: [],
    });
    assert.deepEqual(await read('version --short=false'), {
      kind: 'run',
      name: 'version',
      given: { short: ['false'] },
      words: [],
    });
  });
});

describe('the command lines of status, drain and undrain', () => {
  it('are read', async () => {
    assert.deepEqual(await read('status --json --watch --vs x'), {
      kind: 'run',
      name: 'status',
      given: { json: ['true'], watch: ['true'], vs: ['x'] },
      words: [],
    });
    for (const name of ['drain', 'undrain']) {
      const words = ['10.0.0.1:6443'];
      assert.deepEqual(await read(`${name} 10.0.0.1:6443`), { kind: 'run', name, given: {}, words });
      assert.deepEqual(await read(`${name} --vs x 10.0.0.1:6443`), {
        kind: 'run',
        name,
        given: { vs: ['x'] },
        words,
      });
    }
  });

  it('have examples in their help that are read', async () => {
    for (const name of ['status', 'drain', 'undrain']) {
      const examples = (await printed(`${name} --help`, 120)).match(/^ {2}lvscare [^|\n]*/gm) ?? [];
      assert.ok(examples.length > 0);
      for (const example of examples) {
        const command = await read(example.trim().replace(/^lvscare /, ''));
        assert.ok(command.kind === 'run' && command.name === name, example);
      }
    }
  });
});

describe('the command line of manifest', () => {
  it('takes its own options and those of care, but for what ends', async () => {
    const command = await read('manifest --write --path /a/b --vs x --rs y --rs z --mode=');
    assert.deepEqual(command, {
      kind: 'run',
      name: 'manifest',
      given: { write: ['true'], path: ['/a/b'], vs: ['x'], rs: ['y', 'z'], mode: [''] },
      words: [],
    });
    for (const line of [
      'manifest --clean',
      'manifest -C',
      'manifest --run-once',
      'manifest now',
      'care --write',
    ])
      await assert.rejects(read(line), UsageError);
  });
});

it('--version alone is version --short', async () => {
  assert.deepEqual(await read('--version'), await read('version --short'));
  await assert.rejects(read('care --version'), UsageError);
});

describe('a command line is refused', () => {
  const command =
    'lvscare: expected a command: care, status, drain, undrain, probe, doctor, config, manifest, version or completion ' +
    '(see lvscare --help)';
  const cases: readonly (readonly [line: string, message: string])[] = [
    ['carre', `${command.replace('see lvscare --help', 'did you mean care?')}, got "carre"`],
    ['xyzzy', `${command}, got "xyzzy"`],
    ['--vs x', `${command}, got nothing`],
    ['--bogus', '--bogus: expected an option that exists (see --help), got "--bogus"'],
    ['care --bogus', '--bogus: expected an option that exists (see --help), got "--bogus"'],
    ['care --bogus=1', '--bogus: expected an option that exists (see --help), got "--bogus=1"'],
    ['care --x', '--x: expected an option that exists (see --help), got "--x"'],
    ['care -x', '-x: expected an option that exists (see --help), got "-x"'],
    ['care -Cx', '-x: expected an option that exists (see --help), got "-x"'],
    ['care -vs x', '-v: expected an option that exists (see --help), got "-vs"'],
    ['care -1', '-1: expected an option that exists (see --help), got "-1"'],
    ['care ---vs x', '---vs: expected an option that exists (did you mean --vs?), got "---vs"'],
    ['care --no-dry-run', '--no-dry-run: expected an option that exists (see --help), got "--no-dry-run"'],
    [
      'care --runOnce',
      '--runOnce: expected an option that exists (did you mean --run-once?), got "--runOnce"',
    ],
    [
      'care --schedular x',
      '--schedular: expected an option that exists (did you mean --scheduler?), got "--schedular"',
    ],
    ['care --run', '--run: expected an option that exists (see --help), got "--run"'],
    ['care --vs.a x', '--vs.a: expected an option that exists (see --help), got "--vs.a"'],
    ['care --VS x', '--VS: expected an option that exists (did you mean --vs?), got "--VS"'],
    [
      'care --constructor x',
      '--constructor: expected an option that exists (see --help), got "--constructor"',
    ],
    ['care --__proto__ x', '--__proto__: expected an option that exists (see --help), got "--__proto__"'],
    ['care --_ x', '--_: expected an option that exists (see --help), got "--_"'],
    ['care --interval', '--interval: expected a value, got nothing'],
    ['care -i', '-i: expected a value, got nothing'],
    ['care --run-once=maybe', '--run-once: expected true or false, got "maybe"'],
    ['care --run-once=', '--run-once: expected true or false, got ""'],
    ['care -C=2', '-C: expected true or false, got "2"'],
    ['care --short', '--short: expected an option of this command (see --help), got "--short"'],
    ['version --vs x', '--vs: expected an option of this command (see --help), got "--vs"'],
    ['status now', 'lvscare status: expected nothing but options (see --help), got "now"'],
    ['status --rs x', '--rs: expected an option of this command (see --help), got "--rs"'],
    ['drain', 'lvscare drain: expected one real server, IP:PORT, got nothing'],
    ['undrain a b', 'lvscare undrain: expected one real server, IP:PORT and nothing after it, got "b"'],
    ['drain a --json', '--json: expected an option of this command (see --help), got "--json"'],
    ['completion fish', 'lvscare completion: expected bash or zsh, got "fish"'],
    ['completion bash zsh', 'lvscare completion: expected bash or zsh and nothing after it, got "zsh"'],
    ['completion --short', '--short: expected an option of this command (see --help), got "--short"'],
    ['manifest -C', '-C: expected an option of this command (see --help), got "-C"'],
    ['version now', 'lvscare version: expected nothing but options (see --help), got "now"'],
    ['version --short=maybe', '--short: expected true or false, got "maybe"'],
  ];
  for (const [line, message] of cases) {
    it(`lvscare ${line}`, async () => {
      await assert.rejects(read(line), (error: unknown) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.equal(error.message, message);
        return true;
      });
    });
  }
});

describe('help', () => {
  for (const line of [
    '--help',
    '-h',
    'help',
    'care --help',
    'care -h',
    'help care',
    'care --vs x --help',
    'version -h',
    'completion --help',
    'help completion',
  ]) {
    it(`is printed for lvscare ${line}`, async () => {
      assert.match(await printed(line), /^lvscare /);
    });
  }

  it('of the program names its commands', async () => {
    const text = await printed('--help');
    for (const command of ['care', 'version', 'completion']) {
      assert.match(text, new RegExp(`^ {2}lvscare ${command} `, 'm'));
    }
    assert.match(text, /Exit codes: 0 done, 1 it failed, 2 the arguments are wrong\./);
  });

  it('of the program is printed when no command is given', async () => {
    assert.deepEqual(await readCommandLine([], 80), { kind: 'print', text: await printed('--help') });
  });

  it('of care begins with the five options that most nodes need', async () => {
    const flags = (await printed('care --help')).match(/(?<=^ +(?:-\w, )?--)[a-z-]+/gm) ?? [];
    assert.deepEqual(flags.slice(0, 5), ['vs', 'rs', 'discover', 'health-ca', 'config']);
    assert.equal(flags.length, new Set(flags).size);
  });

  it('of care has every option that is of use, with its other spellings and its default', async () => {
    const text = await printed('care --help');
    for (const {
      flag,
      aliases = [],
      kind,
      default: value,
      otherwise = value,
      help,
      hidden,
    } of CARE_OPTIONS) {
      const entry = new RegExp(
        `^ +(-\\w, )?--${flag}(, --[a-z-]+)? [^]*?(?=^ +(-\\w, )?--|^\\S|^$)`,
        'm',
      ).exec(text);
      if (hidden === true) {
        assert.equal(entry, null, `--${flag} is of no use`);
        continue;
      }
      assert.ok(entry !== null, `--${flag} is missing`);
      const words = entry[0].replace(/\s+/g, ' ');
      for (const alias of aliases)
        assert.ok(words.includes(alias.length === 1 ? `-${alias},` : `--${alias}`));
      const expected =
        otherwise === undefined || (kind === 'switch' && otherwise === 'false')
          ? help
          : `${help} (${otherwise.startsWith('required') ? '' : 'default: '}${otherwise})`;
      assert.ok(words.trimEnd().endsWith(` ${expected}`), `--${flag}: ${words}`);
    }
  });

  for (const width of [80, 100, 120]) {
    it(`is no wider than ${width} columns`, async () => {
      for (const line of ['--help', ...COMMANDS.map(({ name }) => `${name} --help`)]) {
        for (const row of (await printed(line, width)).split('\n')) assert.ok(row.length <= width, row);
      }
    });
  }

  it('has no traces of how it is made', async () => {
    const text = await printed('care --help');
    assert.doesNotMatch(text, /\[(string|array|boolean|choices|default)|undefined|\$0|[ \t]$/m);
  });

  it('is in English, whatever the language of the user', async () => {
    const before = process.env['LC_ALL'];
    process.env['LC_ALL'] = 'de_DE.UTF-8';
    try {
      assert.match(await printed('--help'), /^Commands:$[^]*Show help$/m);
    } finally {
      if (before === undefined) delete process.env['LC_ALL'];
      else process.env['LC_ALL'] = before;
    }
  });

  it('shows examples of manifest that are read', async () => {
    const lines = (await printed('manifest --help', 120))
      .split('\n')
      .filter((line) => /^ +lvscare manifest --/.test(line));
    assert.equal(lines.length, 7);
    for (const line of lines) {
      const command = await read(line.trim().replace(/^lvscare /, ''));
      assert.ok(command.kind === 'run' && command.name === 'manifest');
    }
  });

  it('shows examples that work', async () => {
    const lines = `${await printed('care --help', 120)}\n${await printed('--help', 120)}`
      .split('\n')
      .filter((line) => /^ +lvscare care --vs/.test(line));
    assert.equal(lines.length, 5);
    for (const line of lines) {
      const command = await read(line.trim().replace(/^lvscare /, ''));
      assert.ok(command.kind === 'run' && command.name === 'care');
      assert.deepEqual(command.words, []);
      readCareConfig(new Settings(command.given, {}), {}, { defaultCa: '/nowhere' });
    }
  });

  it('of probe shows examples that work', async () => {
    const lines = (await printed('probe --help', 120)).match(/^ +lvscare probe --rs .*/gm) ?? [];
    assert.equal(lines.length, 3);
    for (const line of lines) {
      const command = await read(line.trim().replace(/^lvscare /, ''));
      assert.ok(command.kind === 'run' && command.name === 'probe');
      readProbeCommandConfig(new Settings(command.given, {}), '/nowhere');
    }
  });
});
