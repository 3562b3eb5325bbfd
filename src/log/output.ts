import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Standard output, as a logger writes to it. */
interface Output {
  /** Writes a line now if there is room, and soon if there is not. Never waits, never throws. */
  write(line: string): void;
  /** Waits until all is written, but not for long: the reader may be stuck. */
  flush(): void;
}

/** What is kept of lines that there is no room for, in bytes; what comes then is dropped. */
const MOST_BYTES = 1 << 20;
const AGAIN_MS = 20;
/** What the end of the program waits for a reader at most. */
const FLUSH_MS = 500;

/**
 * A write to a full pipe or a stopped terminal would block the whole process, probes and signals included. So writes do not
 * block (O_NONBLOCK). That flag belongs to the open file, which other processes may share: so the file is opened again. A
 * socket cannot be opened again; Node has made it non-blocking when it was asked whether standard output is a terminal.
 *
 * @param onDropped Called with the number of dropped lines once there is room again.
 */
export function standardOutput(onDropped: (lines: number) => void): Output {
  return new QueuedOutput(openStandardOutput(), onDropped);
}

const STANDARD_OUTPUT = 1;

function openStandardOutput(): number {
  try {
    const found = fstatSync(STANDARD_OUTPUT);
    // A file that is opened anew is written from its beginning.
    if (!found.isFIFO() && !found.isCharacterDevice()) return STANDARD_OUTPUT;
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync(`/proc/self/fd/${STANDARD_OUTPUT}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return STANDARD_OUTPUT;
  }
}

class QueuedOutput implements Output {
  readonly #descriptor: number;
  readonly #onDropped: (lines: number) => void;
  #queue: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(descriptor: number, onDropped: (lines: number) => void) {
    this.#descriptor = descriptor;
    this.#onDropped = onDropped;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#bytes + bytes.length > MOST_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
    // Otherwise those before it are waiting.
    if (this.#timer === null) this.#drain();
  }

  flush(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waitedMs = 0; waitedMs < FLUSH_MS && this.#bytes > 0; waitedMs += AGAIN_MS) {
      this.#drain();
      if (this.#bytes > 0) Atomics.wait(pause, 0, 0, AGAIN_MS);
    }
  }

  #drain(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const written = this.#writeSome(next);
      if (written === 0) break;
      this.#bytes -= written;
      if (written === next.length) this.#queue.shift();
      else this.#queue[0] = next.subarray(written);
    }
    if (this.#bytes > 0) {
      this.#timer = setTimeout(() => {
        this.#drain();
      }, AGAIN_MS).unref();
    } else if (this.#dropped > 0) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      this.#onDropped(dropped);
    }
  }

  /** How many bytes are seen to; 0 when there is no room now. */
  #writeSome(bytes: Buffer): number {
    try {
      return writeSync(this.#descriptor, bytes);
    } catch (error) {
      // The control loop goes on when the disk is full or the reader of the log has ended.
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : bytes.length;
    }
  }
}
