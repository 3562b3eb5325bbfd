/** A setting of the kernel that lvscare has changed. */
export interface EarlierValue {
  /** Its value before lvscare first set it. */
  readonly was: string;
  /** The value that lvscare set last; null if an earlier version did not save it. */
  readonly set: string | null;
}

/** What settings of the kernel were before lvscare first set them, kept beyond this process. */
export interface EarlierValues {
  /** Null if lvscare did not set it. */
  find(name: string): Promise<EarlierValue | null>;
  /** Keeps `was` unless a value is kept already, and `set` in any case. Resolves to whether none was kept. */
  record(name: string, was: string, set: string): Promise<boolean>;
  forget(name: string): Promise<void>;
}
