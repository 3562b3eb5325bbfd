/** The alternative names of a certificate, as Node writes them: `DNS:kubernetes`, `IP Address:10.0.0.1`, in a list. */
export function alternativeNames(subjectAltName: string | undefined): readonly string[] {
  // A name with a comma in it is in quotes. A quote without its end takes the rest, so that each character is read once.
  return subjectAltName?.match(/(?:"(?:[^"\\]|\\[^])*\\?(?:"|$)|[^",])+/g)?.map((name) => name.trim()) ?? [];
}

/** The alternative names of a certificate. OpenSSL cannot write every name that it may have: then it throws, and there are none. */
export function namesOf(certificate: { readonly subjectAltName?: string | undefined }): readonly string[] {
  try {
    return alternativeNames(certificate.subjectAltName);
  } catch {
    return [];
  }
}
