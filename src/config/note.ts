/** What to tell the user about how we read what they gave. */
export interface Note {
  /** `ca`: certificates are not verified. `obsolete`: an option that has no effect. */
  readonly about: 'ca' | 'obsolete';
  readonly text: string;
}
