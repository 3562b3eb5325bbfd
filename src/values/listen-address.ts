/** Where the HTTP server listens. `text` is for people: as in the option. */
export type ListenAddress =
  | {
      readonly kind: 'tcp';
      readonly address: string;
      readonly port: number;
      readonly text: string;
      /** The address was an empty variable, and is loopback instead. */
      readonly wasEmpty: boolean;
    }
  | { readonly kind: 'unix'; readonly path: string; readonly text: string };
