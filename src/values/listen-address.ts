/** Where the HTTP server listens. `text` is for people: as in the option. */
export type ListenAddress =
  /** On every address of this node if `address` is null. */
  | {
      readonly kind: 'tcp';
      readonly address: string | null;
      readonly port: number;
      readonly text: string;
    }
  | { readonly kind: 'unix'; readonly path: string; readonly text: string };
