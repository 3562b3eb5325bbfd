/** Values in the order in which they were added, for one consumer that waits for them. */
export class AsyncQueue<Value> {
  readonly #arrived: Value[] = [];
  #wake: (() => void) | null = null;

  add(value: Value): void {
    this.#arrived.push(value);
    this.#wake?.();
  }

  async next(): Promise<Value> {
    for (;;) {
      const value = this.#arrived.shift();
      if (value !== undefined) return value;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
