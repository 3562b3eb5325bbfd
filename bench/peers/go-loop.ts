/** The loop of the Go program of the same name, emulated: see go-loop-emulation.ts. */
import { fileURLToPath } from 'node:url';
import { GO_LOOP } from '../settings.js';
import type { GoLoopOptions } from './go-loop-emulation.js';
import type { Peer } from './peer.js';
import { routeVip } from './way-to-vip.js';

const PROGRAM = fileURLToPath(new URL('./go-loop-emulation.js', import.meta.url));

export const goLoop: Peer = {
  name: 'go-loop',
  recipe: 'the loop of the Go lvscare, emulated in Node: every 5 s, time limit 10 s',
  program: 'node',
  intervalMs: GO_LOOP.intervalMs,
  expected: { kill: 3, stop: 14, cut: 13, 500: 3, back: 3 },
  start: async (stage) => {
    const { node, realServers } = stage;
    const [virtualServer = ''] = stage.virtualServers;
    await routeVip(stage);
    const options: GoLoopOptions = { virtualServer, realServers, ...GO_LOOP };
    const process_ = node.spawn(process.execPath, [PROGRAM, JSON.stringify(options)]);
    return { processes: [process_], source: { kind: 'ip_vs', virtualServer } };
  },
};
