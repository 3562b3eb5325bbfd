/** What the user should know about how an option was read. */
export interface Note {
  /**
   * `ca`: certificates are not verified. `empty-address`: the address to listen at is empty. `obsolete`: an option that has no effect any
   * more. `unused`: one that has none here.
   */
  readonly about: 'ca' | 'empty-address' | 'obsolete' | 'unused';
  readonly text: string;
}
