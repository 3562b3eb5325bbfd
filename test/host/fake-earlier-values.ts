import type { EarlierValue, EarlierValues } from '../../src/host/earlier-values.js';

/** Earlier values that are kept in memory. */
export class FakeEarlierValues implements EarlierValues {
  readonly values = new Map<string, EarlierValue>();

  find(name: string): Promise<EarlierValue | null> {
    return Promise.resolve(this.values.get(name) ?? null);
  }

  record(name: string, was: string, set: string): Promise<boolean> {
    const found = this.values.get(name);
    this.values.set(name, { was: found?.was ?? was, set });
    return Promise.resolve(found === undefined);
  }

  forget(name: string): Promise<void> {
    this.values.delete(name);
    return Promise.resolve();
  }
}
