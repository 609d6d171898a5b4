/**
 * The method `farthing` for `mppx` (docs/protocols/mpp-farthing.md):
 *
 *     const wallet = await Wallet.of(secret);
 *     const mppx = Mppx.create(farthing(wallet));
 *     const response = await mppx.fetch("https://site.example/article");
 */
import { Challenge, Credential, Method, PaymentRequest, z } from "mppx";
import { Sessions } from "./session.js";
import { amount } from "./wallet.js";

const NAME = "farthing";
const payload = z.looseObject({});
const details = { network: z.string(), nonce: z.string(), request: z.string(), scale: z.number() };
const request = { amount: z.string(), currency: z.string(), recipient: z.string() };

/** One payment for one request. */
export const charge = Method.from({
  name: NAME,
  intent: "charge",
  schema: {
    credential: { payload },
    request: z.looseObject({ ...request, methodDetails: z.looseObject(details) }),
  },
});

/** Many requests, paid by vouchers. */
export const session = Method.from({
  name: NAME,
  intent: "session",
  schema: {
    credential: { payload },
    request: z.looseObject({
      ...request,
      suggestedDeposit: z.string(),
      methodDetails: z.looseObject({ ...details, sessionSeconds: z.number() }),
    }),
  },
});

/** What is asked. */
function read({ amount: price, currency, recipient, methodDetails }) {
  const { network, request, scale } = methodDetails;
  return { network, payTo: recipient, asset: currency.toUpperCase(), scale, price: amount(price), request };
}

function charging(wallet) {
  return Method.toClient(charge, {
    async createCredential({ challenge }) {
      const { asset, scale, price } = read(challenge.request);
      wallet.allow({ asset, scale, price });
      const { id, realm, method, intent, expires = "-", digest = "-" } = challenge;
      const text = PaymentRequest.serialize(challenge.request);
      const lines = ["farthing-charge-v1", id, realm, method, intent, text, expires, digest, wallet.publicKey];
      const payload = { publicKey: wallet.publicKey, signature: await wallet.sign(...lines) };
      return Credential.serialize({ challenge, payload });
    },
  });
}

/** The method's session, and the `fetch` through which it hears what became of what it signed. */
class InSessions {
  #sessions;
  #fetch;
  /** What each credential that is under way pays for, and in which session. */
  #sent = new Map();
  /** Where each site last asked for a payment. */
  #urls = new Map();

  constructor(wallet, options) {
    this.#sessions = new Sessions(wallet);
    this.#fetch = options.fetch ?? globalThis.fetch;
  }

  method() {
    return Method.toClient(session, {
      createCredential: async ({ challenge }) => {
        const asked = read(challenge.request);
        const url = this.#urls.get(challenge.realm);
        const paying = await this.#sessions.pay({
          ...asked,
          deposit: amount(challenge.request.suggestedDeposit),
          nonce: challenge.id,
          context: challenge,
          manage: (payload, { context }) => this.#manage(url, context, payload),
        });
        const { nonce: _, ...payload } = paying.payload;
        // A session's challenge opens it; in it, any of the site will do.
        const credential = Credential.serialize({ challenge: paying.session.context, payload });
        this.#sent.set(credential, [paying.session, payload.cumulativeAmount, asked.price]);
        return credential;
      },
    });
  }

  fetch = async (input, init) => {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    const credential = headers.get("authorization") ?? "";
    const sent = this.#sent.get(credential);
    this.#sent.delete(credential);
    let response;
    try {
      response = await this.#fetch(input, init);
    } catch (error) {
      if (sent) this.#sessions.learn(...sent, undefined, false);
      throw error;
    }
    if (response.status === 402) {
      for (const { realm } of ours(response)) this.#urls.set(realm, response.url);
    }
    return sent ? this.#learn(response, sent) : response;
  };

  #learn(response, sent) {
    const receipt = response.headers.get("payment-receipt");
    const told = receipt ? JSON.parse(atob(receipt.replaceAll("-", "+").replaceAll("_", "/"))) : undefined;
    const asks = response.status === 402 || response.status === 410;
    const snapshot = asks ? ours(response).map((one) => one.request.methodDetails.sessionSnapshot).find(Boolean) : undefined;
    this.#sessions.learn(...sent, told ?? snapshot, Boolean(told));
    if (asks && !snapshot) this.#sessions.forget(sent[0]);
    // The session is over: the client answers the challenges that came with a 402 alone.
    if (response.status !== 410) return response;
    return new Response(response.body, { status: 402, headers: response.headers });
  }

  async #manage(url, challenge, payload) {
    const authorization = Credential.serialize({ challenge, payload });
    const response = await this.#fetch(url, { headers: { authorization } });
    return response.status === 204;
  }

  close = () => this.#sessions.close();
}

function ours(response) {
  if (!response.headers.has("www-authenticate")) return [];
  const asked = { status: 402, headers: response.headers };
  return Challenge.fromResponseList(asked).filter((one) => one.method === NAME && one.intent === "session");
}

/**
 * The configuration for `Mppx.create`.
 *
 * @param {import("./wallet.js").Wallet} wallet
 * @param {{ sessions?: boolean, fetch?: typeof fetch }} [options] `sessions`: pay in sessions where
 *   they are offered
 */
export function farthing(wallet, options = {}) {
  const single = charging(wallet);
  if (!options.sessions) return { methods: [single], ...(options.fetch && { fetch: options.fetch }) };
  const sessions = new InSessions(wallet, options);
  return {
    methods: [sessions.method(), single],
    paymentPreferences: { "farthing/charge": 0.5 },
    fetch: sessions.fetch,
    close: sessions.close,
  };
}
