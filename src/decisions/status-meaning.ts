/** What a kube-apiserver means by a status that is not accepted, and what helps. */
interface StatusMeaning {
  readonly means: string;
  /** What to do about it; null where nothing on this node helps. */
  readonly cure: string | null;
}

/** null for a status that means nothing in particular. The table is in docs/troubleshooting.md. */
export function statusMeaning(status: number): StatusMeaning | null {
  return MEANINGS.get(status) ?? null;
}

/** The same in one line; null if there is nothing to say. */
export function statusHint(status: number | null | undefined): string | null {
  const meaning = statusMeaning(status ?? 0);
  if (meaning === null) return null;
  return meaning.cure === null ? meaning.means : `${meaning.means}: ${meaning.cure}`;
}

const CREDENTIALS =
  'give lvscare --health-cert and --health-key (kubelet has both in /var/lib/kubelet/pki/kubelet-client-current.pem), or --health-token-file';

const MEANINGS: ReadonlyMap<number, StatusMeaning> = new Map([
  [
    400,
    {
      means: 'the server does not understand the request',
      cure: 'check --health-schem (an apiserver expects https) and --health-req-headers',
    },
  ],
  [
    401,
    {
      means: "the apiserver answers no anonymous requests, or does not accept lvscare's credentials",
      cure: `${CREDENTIALS}; or count this answer as healthy by --health-status 401`,
    },
  ],
  [
    403,
    {
      means: 'the apiserver does not let this client read the path; while it starts, that is normal',
      cure: `if it stays, ${CREDENTIALS}; or bind the cluster role system:public-info-viewer to the group system:unauthenticated`,
    },
  ],
  [404, { means: 'the server has no such path', cure: 'check --health-path and --health-port' }],
  [429, { means: 'the apiserver is overloaded, or shuts down, and rejects requests', cure: null }],
  [
    500,
    {
      means: 'the apiserver says that checks of its own fail; its log has the reasons from --v=2 on',
      cure: null,
    },
  ],
  [
    503,
    {
      means: 'the apiserver is still starting, or shuts down; or a proxy in front of it reaches none',
      cure: null,
    },
  ],
]);
