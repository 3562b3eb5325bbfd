/** What a web configuration file says: how the endpoint is encrypted, and which clients may read it. */
export interface WebConfig {
  /** null for plain HTTP. */
  readonly tls: WebTls | null;
  /** bcrypt hashes by user name; empty if no password is needed. */
  readonly users: ReadonlyMap<string, string>;
  /** Further headers of every answer, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface WebTls {
  /** In PEM, as the key and the CA. */
  readonly certificate: string;
  readonly key: string;
  /** The CA of client certificates, or null. */
  readonly clientCa: string | null;
  readonly clientAuth: ClientAuth;
  /** The client certificate must have one of these alternative names; empty for any. */
  readonly allowedNames: readonly string[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
}

/** As Go's crypto/tls names them. */
export const CLIENT_AUTH = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;
export type ClientAuth = (typeof CLIENT_AUTH)[number];

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** What a client shows by its certificate. */
export interface ClientCertificate {
  /** Whether the client CA verifies it. */
  readonly isTrusted: boolean;
  /** Without their types: `prometheus.example`. */
  readonly names: readonly string[];
}
