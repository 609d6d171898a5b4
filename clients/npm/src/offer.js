/** What a seller asks for one request, in x402's words (docs/protocols/x402-farthing.md). */
import { atoms, base64url, SCALES } from "./wallet.js";

const SECONDS = 60;

/** The name of a request: what a payment is bound to. */
export async function requestHash(method, url, body) {
  const sha256 = (bytes) => crypto.subtle.digest("SHA-256", bytes);
  const standard = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const digest = body?.length ? `sha-256=:${standard(await sha256(body))}:` : "-";
  const text = ["farthing-request-v1", method, url, digest].join("\n");
  return base64url(await sha256(new TextEncoder().encode(text)));
}

/**
 * A price of one request.
 *
 * @param {{ method: string, url: string, body?: Uint8Array }} request
 * @param {string} price a decimal, such as "0.005"
 */
export async function priced({ method, url, body }, price, asset = "USD", scale = SCALES[asset]) {
  if (scale === undefined) throw new Error(`say how many decimals ${asset} has`);
  const request = await requestHash(method, url, body);
  return { amount: String(atoms(price, scale)), asset, extra: { version: "1", scale, request } };
}

/** The same as one of a 402's `accepts`. */
export async function requirements(request, price, { network, payTo, asset, scale }) {
  const { amount, extra, ...of } = await priced(request, price, asset, scale);
  return { scheme: "exact", network, amount, ...of, payTo, maxTimeoutSeconds: SECONDS, extra };
}
