/**
 * Our network for the official x402 servers, with a gate that facilitates as their facilitator:
 *
 *     const facilitator = new HTTPFacilitatorClient({ url: `${gate}/.well-known/farthing` });
 *     const server = new x402ResourceServer(facilitator).register("farthing:*", new ExactFarthingServer());
 *     const accepts = { scheme: "exact", network, payTo: "wal_…", price: price("0.005") };
 *     app.use(paymentMiddleware({ "GET /articles/*": { accepts } }, server));
 */
import { priced } from "./offer.js";

export class ExactFarthingServer {
  scheme = "exact";
  defaultAssetTransferMethod = "default";
  paymentFlows = { default: { supported: ["authorization"], default: "authorization" } };

  async parsePrice(price) {
    if (typeof price?.extra?.request !== "string") throw new Error('give routes a `price("0.005")`');
    return price;
  }

  async enhancePaymentRequirements(requirements) {
    return requirements;
  }
}

/**
 * What a route costs, bound to the request that is made: a function for the route's `price`.
 *
 * A body is bound too, for which it must be there as it came: put `express.raw({ type: "*\/*" })`
 * before the middleware.
 */
export function price(decimal, asset, scale) {
  return async ({ adapter }) => {
    const has = (name) => !["", "0"].includes(adapter.getHeader(name) ?? "");
    const body = has("content-length") || has("transfer-encoding") ? await adapter.getBody?.() : undefined;
    if (body !== undefined && !(body instanceof Uint8Array)) {
      throw new Error("the body of a priced request must come to the middleware as it is");
    }
    const request = { method: adapter.getMethod(), url: adapter.getUrl(), body };
    return priced(request, decimal, asset, scale);
  };
}
