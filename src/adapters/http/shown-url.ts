// Addresses as they may be shown, in errors and logs.

const secretParameter = /token|key|secret|password|signature|sig$|auth|credential/i;

/** The address as it may be shown: no user, no password, no value of a parameter that looks secret. */
export function showUrl(url: URL, { redact }: { readonly redact: (text: string) => string }): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  shown.hash = "";
  for (const name of new Set(shown.searchParams.keys())) {
    if (secretParameter.test(name)) shown.searchParams.set(name, "redacted");
  }
  return redact(shown.href);
}
