/**
 * The parts of undici that we use, each by its file: all of undici, with fetch, WebSocket and caches, takes 9 MB and a tenth
 * of a second more on every node. The lock file pins what is at these paths, and every probe in the tests takes them.
 */
declare module 'undici/lib/dispatcher/client.js' {
  import type { Client } from 'undici';
  const ClientOfUndici: typeof Client;
  export default ClientOfUndici;
}

declare module 'undici/lib/api/api-request.js' {
  import type { Client, Dispatcher } from 'undici';
  /** `Client.request`, which undici's index adds to its dispatchers. */
  function request(this: Client, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  export default request;
}
