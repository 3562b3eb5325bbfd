/**
 * The observer: a process in the node's namespace that looks who is in rotation every few milliseconds, and tells when
 * that has changed. It reads the kernel's own text (or asks HAProxy), so nobody who is measured has a say in it, and it
 * does as little as it can: all share one CPU.
 */
import { openSync, readSync } from 'node:fs';
import { connect } from 'node:net';
import { tell } from '../../lab/remote.js';
import { nowMs } from '../clock.js';
import type { ObserverEvent, ObserverOptions } from './observer-calls.js';
import { parseIpVs, sameWeights, type Weights } from '../../lab/ip-vs.js';
import { parseHaproxyState } from './tables.js';

const emit = (event: ObserverEvent): void => {
  tell(event);
};
let last: Weights | null = null;

function see(atMs: number, weights: Weights): void {
  if (last !== null && sameWeights(last, weights)) return;
  last = weights;
  emit({ kind: 'table', atMs, weights });
}

/**
 * The file stays open, and is formatted anew whenever it is read from its beginning. What does not fit in a page at first
 * comes with the next read, in one piece; from then on the kernel has room for it.
 */
function watchIpVs(virtualServer: string, everyMs: number): void {
  const file = openSync('/proc/net/ip_vs', 'r');
  let buffer = Buffer.alloc(1 << 16);
  let text = '';
  setInterval(() => {
    let length = 0;
    for (let read = 1; read > 0; length += read) {
      if (length > buffer.length / 2) buffer = Buffer.concat([buffer, Buffer.alloc(buffer.length)]);
      read = readSync(file, buffer, length, buffer.length - length, length);
    }
    const atMs = nowMs();
    const seen = buffer.toString('latin1', 0, length);
    if (seen === text) return;
    text = seen;
    see(atMs, parseIpVs(text, virtualServer));
  }, everyMs);
}

/** One connection, kept by the socket's interactive mode: its answers end with a prompt. */
function watchHaproxy(path: string, backend: string, everyMs: number): void {
  const question = `show servers state ${backend}\n`;
  const socket = connect(path);
  let answer = '';
  let asking = true;
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    answer += text;
    if (!answer.endsWith('\n> ')) return;
    const atMs = nowMs();
    const weights = parseHaproxyState(answer);
    answer = '';
    asking = false;
    if (Object.keys(weights).length > 0) see(atMs, weights);
  });
  for (const event of ['error', 'close'] as const)
    socket.on(event, (why: unknown) => {
      emit({ kind: 'failed', why: `the stats socket: ${why instanceof Error ? why.message : 'closed'}` });
    });
  socket.write('prompt\n');
  setInterval(() => {
    if (asking) return;
    asking = true;
    socket.write(question);
  }, everyMs);
}

process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit(0));
// An IPC channel keeps a process alive only while somebody listens.
process.on('message', () => undefined);
const { source, everyMs } = JSON.parse(process.argv[2] ?? '{}') as ObserverOptions;
switch (source.kind) {
  case 'ip_vs':
    watchIpVs(source.virtualServer, everyMs);
    break;
  case 'haproxy':
    watchHaproxy(source.socket, source.backend, everyMs);
    break;
}
