/** Where to be asked. `text` is for people: as the option gives it. */
export type ListenAddress =
  /** On every address of this node when `address` is null. */
  | {
      readonly kind: 'tcp';
      readonly address: string | null;
      readonly port: number;
      readonly text: string;
    }
  | { readonly kind: 'unix'; readonly path: string; readonly text: string };
