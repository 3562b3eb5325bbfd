/** Where a command for people writes to. */
export interface Output {
  /** Whether somebody sees colours. */
  readonly colour: boolean;
  out(text: string): void;
  /** What is beside the result. */
  note(line: string): void;
}
