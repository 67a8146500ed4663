/** Text of IP addresses, the same from the native socket and the fake: shortest form, lower case (RFC 5952). Resolves nothing. */

/** "1.2.3.4" or "2001:db8::1", with "%scope" where there is one. `ip` holds 4 or 16 bytes. */
export function ipText(ip: Uint8Array, family: number, scope: number): string {
  if (family === 4) return ip.subarray(0, 4).join(".");
  const group = (i: number) => (((ip[2 * i] as number) << 8) | (ip[2 * i + 1] as number)).toString(16);
  const groups = Array.from({ length: 8 }, (_, i) => group(i)).join(":");
  const short = new URL(`http://[${groups}]/`).hostname.slice(1, -1);
  return scope ? `${short}%${scope}` : short;
}

/** Strips the brackets that an IPv6 address has beside a port. */
export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

const v4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** A literal in its one form and its family, or undefined. IPv4 inside IPv6 (::ffff:1.2.3.4) is IPv4. Knows no scopes. */
export function parseIp(text: string): { host: string; family: 4 | 6 } | undefined {
  if (v4.test(text)) return { host: text, family: 4 };
  if (!/^[\da-f:.]*:[\da-f:.]*$/i.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  const host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(host);
  if (!mapped) return { host, family: 6 };
  const bits = (Number.parseInt(mapped[1] as string, 16) << 16) | Number.parseInt(mapped[2] as string, 16);
  return { host: [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join("."), family: 4 };
}
