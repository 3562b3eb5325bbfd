import type { Health } from './health.js';

/**
 * How likely a server that is down is to answer a client: when none is up, those with the highest rank serve. 0 is for
 * one that never serves. The table is in docs/decisions.md.
 */
export function failOpenRank({ lastEvidence, start }: Health): number {
  switch (lastEvidence?.kind) {
    case 'ok':
      return 4;
    case 'status':
      return start === 'done' ? 4 : 3;
    case 'tls':
    case 'broken':
      return 3;
    case 'slow':
      // It is starting: its clients would wait, where they could be refused and ask again.
      return start === 'pending' && lastEvidence.noHandshake === true ? 0 : 2;
    case 'silent':
      return 1;
    // Nothing listens there: a client that is sent to it is turned away.
    case 'refused':
    case undefined:
      return 0;
  }
}

/** That the last resort serves, in words that the log and `lvscare status` share. */
export function failOpenInWords(anyDrained: boolean): string {
  const none = anyDrained ? 'no real server is up that is not drained' : 'no real server is up';
  return `${none}: as a last resort, those most likely to answer serve`;
}
