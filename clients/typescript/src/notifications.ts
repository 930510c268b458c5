// Verifies notifications: Standard Webhooks, https://www.standardwebhooks.com.
import { InvalidSignature } from "./errors.js";
import type { Notification } from "./schema.js";

const HMAC = { name: "HMAC", hash: "SHA-256" };

/**
 * The notification in `body`, the raw text or bytes of the request.
 *
 * `secret`: the `whsec_...` of `.hookline/notify-secret` or `HOOKLINE_NOTIFY_SECRET`; several while
 * it is rotated. Notifications may come twice: ignore a `webhook-id` that you have seen.
 *
 * Throws `InvalidSignature` unless one of them signed it at most `toleranceS` seconds ago.
 */
export async function verify(
  body: string | Uint8Array,
  headers: Headers | Record<string, string | string[] | undefined>,
  secret: string | readonly string[],
  { toleranceS = 300 }: { toleranceS?: number } = {},
): Promise<Notification> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const id = header(headers, "webhook-id");
  const sentAt = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  if (!id || !signatures || !/^\d{1,12}$/.test(sentAt ?? "")) {
    throw new InvalidSignature("The request has not the headers of a notification.");
  }
  const signed = joined(new TextEncoder().encode(`${id}.${sentAt}.`), bytes);
  const given = signatures.split(" ").flatMap((each) => {
    const [scheme, value] = each.split(",", 2);
    return scheme === "v1" ? (decoded(value ?? "") ?? []) : [];
  });
  const secrets = typeof secret === "string" ? [secret] : secret;
  const answers = await Promise.all(secrets.map((each) => signedBy(each, signed, given)));
  if (!answers.includes(true)) {
    throw new InvalidSignature("None of the secrets signed this body.");
  }
  if (Math.abs(Date.now() / 1000 - Number(sentAt)) > toleranceS) {
    throw new InvalidSignature(`It was sent more than ${toleranceS} s ago, or in the future.`);
  }
  return JSON.parse(new TextDecoder().decode(bytes)) as Notification;
}

async function signedBy(
  secret: string,
  signed: Uint8Array<ArrayBuffer>,
  signatures: readonly Uint8Array<ArrayBuffer>[],
): Promise<boolean> {
  const bytes = decoded(secret.replace(/^whsec_/, ""));
  if (!bytes?.length) {
    throw new TypeError("A secret is `whsec_` and base64: see .hookline/notify-secret.");
  }
  const key = await crypto.subtle.importKey("raw", bytes, HMAC, false, ["verify"]);
  const verified = signatures.map((each) => crypto.subtle.verify(HMAC, key, each, signed));
  return (await Promise.all(verified)).includes(true);
}

function header(
  headers: Headers | Record<string, string | string[] | undefined>,
  name: string,
): string | null {
  if (headers instanceof Headers) return headers.get(name);
  const found = Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
  return (Array.isArray(found) ? found[0] : found) ?? null;
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
