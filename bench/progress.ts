/** What the person who waits is told, on stderr. */
import { nowMs } from './clock.js';

export class Progress {
  readonly #beganMs = nowMs();
  readonly #expectedS: number;

  constructor(expectedS: number) {
    this.#expectedS = expectedS;
    process.stderr.write(`bench: this takes about ${clock(expectedS)} (minutes:seconds)\n`);
  }

  say(text: string): void {
    const sinceS = (nowMs() - this.#beganMs) / 1000;
    process.stderr.write(`[${clock(sinceS)} of about ${clock(this.#expectedS)}] ${text}\n`);
  }
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
