/**
 * Our network for the official x402 clients (docs/protocols/x402-farthing.md):
 *
 *     const wallet = await Wallet.of(secret);
 *     const pay = wrapFetchWithPaymentFromConfig(fetch, farthing(wallet));
 *     const response = await pay("https://site.example/article");
 */
import { Sessions } from "./session.js";
import { amount, nonce, now } from "./wallet.js";

const NETWORKS = "farthing:*";
const REASON = "invalid_batch_settlement_farthing_";
/** After these refusals the same request is signed again, once. */
const AGAIN = ["session_not_found", "voucher_lower", "voucher_too_small", "voucher_above_deposit", "session_opening_expired"];

/** What is asked, if it is of this network and this version. */
function read({ network, payTo, asset, amount: price, extra, maxTimeoutSeconds }) {
  if (extra?.version !== "1") throw new Error(`version ${extra?.version} of this network is not known here`);
  return {
    network,
    payTo,
    asset,
    scale: extra.scale,
    price: amount(price),
    request: extra.request,
    seconds: maxTimeoutSeconds,
  };
}

/** `exact`: one payment for one request. */
export class ExactFarthingScheme {
  scheme = "exact";
  #wallet;

  constructor(wallet) {
    this.#wallet = wallet;
  }

  findDefaultAsset(asset) {
    return asset === "USD" && this.#wallet.limit(asset)
      ? { symbol: asset, decimals: this.#wallet.limit(asset).scale }
      : undefined;
  }

  async createPaymentPayload(x402Version, requirements) {
    const { network, payTo, asset, scale, price, request, seconds } = read(requirements);
    this.#wallet.allow({ asset, scale, price });
    const proof = { publicKey: this.#wallet.publicKey, nonce: nonce(), created: now() };
    proof.expires = proof.created + seconds;
    const lines = ["farthing-exact-v1", network, request, price, asset, payTo, ...Object.values(proof)];
    return { x402Version, payload: { ...proof, signature: await this.#wallet.sign(...lines) } };
  }
}

/** `batch-settlement`: many requests, paid by vouchers in a session. */
export class BatchFarthingScheme {
  scheme = "batch-settlement";
  #wallet;
  #sessions;
  #fetch;
  /** Where each request hash was asked for. */
  #urls = new Map();

  constructor(wallet, options = {}) {
    this.#wallet = wallet;
    this.#sessions = new Sessions(wallet);
    this.#fetch = options.fetch ?? fetch;
  }

  findDefaultAsset(asset) {
    return new ExactFarthingScheme(this.#wallet).findDefaultAsset(asset);
  }

  schemeHooks = {
    onBeforePaymentCreation: async ({ paymentRequired, selectedRequirements }) => {
      this.#urls.set(selectedRequirements.extra.request, paymentRequired.resource?.url);
    },
    onPaymentResponse: async ({ paymentPayload, requirements, settleResponse }) => {
      const { sessionId, cumulativeAmount } = paymentPayload.payload;
      const session = this.#sessions.find(sessionId);
      const isPaid = settleResponse?.success === true && settleResponse.amount !== "0";
      const told = settleResponse?.extra?.session;
      this.#sessions.learn(session, cumulativeAmount, amount(requirements.amount), told, isPaid);
      if (settleResponse?.success === false && !told) this.#sessions.forget(session);
      const reason = settleResponse?.errorReason?.replace(REASON, "");
      return AGAIN.includes(reason) ? { recovered: true } : undefined;
    },
  };

  async createPaymentPayload(x402Version, requirements) {
    const asked = read(requirements);
    const url = this.#urls.get(asked.request);
    this.#urls.delete(asked.request);
    const { payload } = await this.#sessions.pay({
      ...asked,
      deposit: amount(requirements.extra.suggestedDeposit),
      nonce: nonce(),
      manage: (what) => this.#manage(url, what),
    });
    return { x402Version, payload };
  }

  /** Sends what is of the session and not of a request with a GET of what was last paid for. */
  async #manage(url, payload) {
    const ask = await this.#fetch(url);
    const header = ask.headers.get("payment-required");
    if (!header) return false;
    const { accepts } = JSON.parse(atob(header));
    const accepted = accepts.find((one) => one.scheme === this.scheme && one.network.startsWith("farthing:"));
    const signature = btoa(JSON.stringify({ x402Version: 2, accepted, payload }));
    const response = await this.#fetch(url, { headers: { "payment-signature": signature } });
    return response.status === 204;
  }

  /** Closes the sessions; what was set aside and not spent comes back at once. */
  close() {
    return this.#sessions.close();
  }
}

/**
 * The configuration for `wrapFetchWithPaymentFromConfig` or `x402Client.fromConfig`.
 *
 * @param {import("./wallet.js").Wallet} wallet
 * @param {{ sessions?: boolean, fetch?: typeof fetch }} [options] `sessions`: pay in sessions where
 *   they are offered
 */
export function farthing(wallet, options = {}) {
  const exact = new ExactFarthingScheme(wallet);
  const batch = new BatchFarthingScheme(wallet, options);
  const clients = options.sessions ? [batch, exact] : [exact];
  const prefer = ({ scheme, network }) => scheme === batch.scheme && network.startsWith("farthing:");
  return {
    schemes: clients.map((client) => ({ network: NETWORKS, client })),
    paymentRequirementsSelector: (_version, accepts) => accepts.find(prefer) ?? accepts[0],
    spendControls: {
      allowedAssets: wallet.assets().map((asset) => ({
        network: NETWORKS,
        asset,
        maxAmountPerPayment: String(wallet.limit(asset).payment),
      })),
    },
    close: () => batch.close(),
  };
}
