/** What the user should know about how an option was read. */
export interface Note {
  /** `ca`: certificates are not verified. `obsolete`: an option that has no effect any more. `unused`: one that has none here. */
  readonly about: 'ca' | 'obsolete' | 'unused';
  readonly text: string;
}
