import type { ClientCertificate, WebConfig } from '../values/web-config.js';
import { isAllowedHost } from './allowed-host.js';
import { plain, type Answer } from './answer.js';
import type { PasswordVerdict } from './passwords.js';

/** Who sends a request, as far as the answer depends on it. */
export interface Caller {
  /** Without the query. */
  readonly path: string;
  /** The Host header, or null if there is none, which no browser leaves out. */
  readonly host: string | null;
  readonly authorization: string | null;
  /** Its IP address, or an empty text. */
  readonly address: string;
  /** null if it shows none. */
  readonly certificate: ClientCertificate | null;
}

/** Decides which requests are refused. */
export interface Access {
  /** The answer to a request that is refused; null if it is not. */
  refusal(caller: Caller): Promise<Answer | null>;
  /** Further headers of every answer. */
  headers(): Readonly<Record<string, string>>;
}

/** What kubelet requests, which has neither a password nor a certificate for lvscare. */
const OPEN: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

interface AccessParts {
  /** The names, in lower case, that a Host header may have; null for any, as by a Unix socket, which no browser reaches. */
  readonly hosts: ReadonlySet<string> | null;
  /** As it is now; null if there is none. */
  readonly webConfig: () => WebConfig | null;
  readonly checkPassword: (
    users: WebConfig['users'],
    authorization: string | null,
    address: string,
  ) => Promise<PasswordVerdict>;
}

export function createAccess({ hosts, webConfig, checkPassword }: AccessParts): Access {
  return {
    headers: () => webConfig()?.headers ?? {},
    async refusal({ path, host, authorization, address, certificate }) {
      if (hosts !== null && host !== null && !isAllowedHost(host, hosts)) return misdirected(host, hosts);
      const config = webConfig();
      if (config === null || OPEN.has(path)) return null;
      const fault = config.tls === null ? null : certificateFault(config.tls, certificate);
      if (fault !== null) return plain(403, fault);
      if (config.users.size === 0) return null;
      switch (await checkPassword(config.users, authorization, address)) {
        case 'right':
          return null;
        case 'wrong':
          return {
            ...plain(401, 'a user name and its password are needed'),
            headers: { 'www-authenticate': 'Basic realm="lvscare", charset="UTF-8"' },
          };
        case 'busy':
          return {
            ...plain(429, 'other passwords are being checked; try again'),
            headers: { 'retry-after': '1' },
          };
      }
    },
  };
}

/** How much of a name is repeated. */
const SHOWN_LENGTH = 100;

function misdirected(host: string, hosts: ReadonlySet<string>): Answer {
  const names = [...hosts].join(', ');
  const shown = JSON.stringify(host.slice(0, SHOWN_LENGTH));
  return plain(
    421,
    `lvscare does not answer by the name ${shown}: use an IP address or one of ${names}, or add the name by --web-host`,
  );
}

/** Why a client certificate, or its absence, is not accepted; null if it is. */
function certificateFault(
  { clientAuth, allowedNames }: NonNullable<WebConfig['tls']>,
  certificate: ClientCertificate | null,
): string | null {
  switch (clientAuth) {
    case 'NoClientCert':
    case 'RequestClientCert':
      return null;
    case 'RequireAnyClientCert':
      return certificate === null ? 'a client certificate is needed' : null;
    case 'VerifyClientCertIfGiven':
      return certificate === null || certificate.isTrusted ? null : UNTRUSTED;
    case 'RequireAndVerifyClientCert':
      if (certificate === null) return 'a client certificate is needed';
      if (!certificate.isTrusted) return UNTRUSTED;
      return allowedNames.length === 0 || allowedNames.some((name) => certificate.names.includes(name))
        ? null
        : 'the client certificate has none of the names of client_allowed_sans';
  }
}

const UNTRUSTED = 'the client certificate is not one of client_ca_file';
