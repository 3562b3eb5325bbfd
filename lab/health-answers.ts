/** The answers of an apiserver's health paths, the odd ones too. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CutOff, HealthBehaviour, HealthPath } from './apiserver-calls.js';

export const HEALTH_PATHS: ReadonlySet<string> = new Set<HealthPath>(['/healthz', '/livez', '/readyz']);

/** Between two pieces of an answer that never ends. */
const DRIP_MS = 100;

/** Long enough for what was written before to be read apart from the end. */
const BEFORE_CUT_MS = 30;

const HUGE_BYTES = 100_000_000;

export function answerHealth(
  behaviour: HealthBehaviour,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  cutOff: (by: CutOff) => void,
): void {
  switch (behaviour.kind) {
    case 'ok':
      sendText(response, 200, 'ok');
      break;
    case 'status': {
      const { status, path: only = path, failedChecks = [] } = behaviour;
      if (path !== only) {
        sendText(response, 200, 'ok');
        break;
      }
      if (status >= 300 && status < 400) response.setHeader('location', '/elsewhere');
      sendText(response, status, failedChecks.length === 0 ? 'as the lab says\n' : checksBody(failedChecks));
      break;
    }
    case 'hang':
      break;
    case 'late': {
      const timer = setTimeout(() => {
        sendText(response, 200, 'ok');
      }, behaviour.afterMs);
      response.once('close', () => {
        clearTimeout(timer);
      });
      break;
    }
    case 'endless-headers':
      request.socket.write('HTTP/1.1 200 OK\r\n');
      drip(response, (count) => request.socket.write(`x-more: ${count}\r\n`));
      break;
    case 'endless-body':
      response.writeHead(200, { 'content-type': 'text/plain' });
      drip(response, () => response.write('.'));
      break;
    case 'huge-body':
      flood(response);
      break;
    case 'cut-off':
      cutOffIn(behaviour, request, response, cutOff);
      break;
  }
}

/** As a kube-apiserver has it: the same line for each check, be it the first or the last. */
function checksBody(failed: readonly string[]): string {
  const lines = ['ping', 'log', 'etcd', 'poststarthook/rbac/bootstrap-roles'].map((name) =>
    failed.includes(name) ? `[-]${name} failed: reason withheld` : `[+]${name} ok`,
  );
  return [...lines, 'healthz check failed', ''].join('\n');
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function drip(response: ServerResponse, piece: (count: number) => void): void {
  let count = 0;
  const timer = setInterval(() => {
    piece(count++);
  }, DRIP_MS);
  response.once('close', () => {
    clearInterval(timer);
  });
}

/** Writes as fast as it is read, and never has more than a piece of it in memory. */
function flood(response: ServerResponse): void {
  const piece = Buffer.alloc(1 << 16, '.');
  let left = HUGE_BYTES;
  const pour = (): void => {
    while (left > 0) {
      const next = piece.subarray(0, left);
      left -= next.length;
      if (!response.write(next)) return;
    }
    response.end();
  };
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': HUGE_BYTES });
  response.on('drain', pour);
  pour();
}

function cutOffIn(
  { at, by }: Extract<HealthBehaviour, { kind: 'cut-off' }>,
  request: IncomingMessage,
  response: ServerResponse,
  cutOff: (by: CutOff) => void,
): void {
  const soon = (): void => {
    setTimeout(cutOff, BEFORE_CUT_MS, by);
  };
  switch (at) {
    case 'request':
      cutOff(by);
      break;
    case 'headers':
      request.socket.write('HTTP/1.1 200 OK\r\nContent-Ty', soon);
      break;
    case 'body':
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1000 });
      response.write('begun', soon);
      break;
  }
}
