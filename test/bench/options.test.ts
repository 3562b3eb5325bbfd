import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseOptions, usage, WrongOption } from '../../bench/options.js';

const PEERS = ['lvscare', 'haproxy', 'go-loop'];

describe('the options', () => {
  it('ask for everything by default', () => {
    assert.deepEqual(parseOptions([], PEERS), {
      peers: PEERS,
      events: ['kill', 'stop', 'cut', '500'],
      scenarios: ['failover', 'steady', 'scale'],
      repeats: 7,
      steadyS: 60,
      sizes: [3, 30, 300, 1000],
      services: [
        { virtualServers: 64, realServers: 3 },
        { virtualServers: 16, realServers: 16 },
      ],
      seed: 1,
      json: '.cache/bench.json',
      help: false,
    });
  });

  it('take values either way, in any order', () => {
    const options = parseOptions(
      ['--peers=go-loop,lvscare', '--repeats', '3', '--events', '500,kill', '--scenario', 'steady'],
      PEERS,
    );
    assert.deepEqual(options.peers, ['lvscare', 'go-loop']);
    assert.deepEqual(options.events, ['kill', '500']);
    assert.deepEqual(options.scenarios, ['steady']);
    assert.equal(options.repeats, 3);
  });

  it('take no numbers at all where none are wanted', () => {
    const { sizes, services } = parseOptions(['--sizes', 'none', '--services', '64x3'], PEERS);
    assert.deepEqual({ sizes, services }, { sizes: [], services: [{ virtualServers: 64, realServers: 3 }] });
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--peers', 'lvscare,nginx'], /^--peers: expected some of lvscare, haproxy, go-loop, got "nginx"/],
    [['--peers', ''], /^--peers: .* got ""/],
    [['--events', 'fire'], /^--events: expected some of kill, stop, cut, 500, got "fire"/],
    [['--scenario', 'most'], /^--scenario: .* got "most"/],
    [['--repeats', '0'], /^--repeats: expected a whole number from 1 to 100, got "0"/],
    [['--repeats', '2.5'], /^--repeats: .* got "2.5"/],
    [['--repeats'], /^--repeats: expected a value/],
    [['--steady', '1'], /^--steady: /],
    [['--sizes', '3,x'], /^--sizes: .* got "x"/],
    [['--services', '1x3'], /^--services: expected a whole number from 2 to 64, got "1"/],
    [['--services', '64'], /^--services: expected such as 64x3, or none, got "64"/],
    [['--json='], /^--json: expected a file/],
    [['--speed', '9'], /^options: expected .* got "--speed"/],
    [['lvscare'], /^options: expected .* got "lvscare"/],
  ];
  for (const [args, message] of wrong) {
    it(`refuse ${args.join(' ') || 'nothing'} in one line`, () => {
      assert.throws(
        () => parseOptions(args, PEERS),
        (error) =>
          error instanceof WrongOption && message.test(error.message) && !error.message.includes('\n'),
      );
    });
  }

  it('have a help that names each of them', () => {
    assert.ok(parseOptions(['--help'], PEERS).help);
    for (const option of [
      '--scenario',
      '--peers',
      '--events',
      '--repeats',
      '--steady',
      '--sizes',
      '--services',
      '--seed',
      '--json',
    ])
      assert.ok(usage(PEERS).includes(option), option);
  });
});
