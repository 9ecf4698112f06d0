/**
 * Authentication: a client attaches a token to every call and fetches a new one in time, a server checks it before the handler runs.
 *
 *   const channel = new Channel(target, { tls: true, interceptors: [attachToken(() => fetchTokenSomewhere())] });
 *   const server = new Server({ tls, interceptors: [checkToken((token) => verify(token))] });
 *   server.add(Orders, { list: (request, call) => ordersOf(userOf(call)) });
 */
import { type Call, Code, type HandlerCall, type Interceptor, StatusError } from "barewire";

export interface Token {
  readonly value: string;
  /** When it stops being good, as `Date.now()` counts. */
  readonly expiresAtMs: number;
}

/** A token that has this long left is not used any more: the call has a way to go. */
const SPARE_MS = 10_000;

/** For a client: one token for all calls, fetched when the first needs it and again when it runs out or is refused. */
export function attachToken(fetchToken: () => Promise<Token>): Interceptor {
  let token: Promise<Token> | undefined;
  const fresh = async (): Promise<Token> => {
    // All calls that need it at once share one fetch; one that failed is not kept.
    const shared = (token ??= fetchToken());
    try {
      const current = await shared;
      if (current.expiresAtMs - Date.now() > SPARE_MS) return current;
    } catch (error) {
      if (token === shared) token = undefined;
      throw new StatusError(Code.UNAUTHENTICATED, "there is no token to be had", { cause: error });
    }
    if (token === shared) token = fetchToken();
    return token ?? fetchToken();
  };
  return async (call, next) => {
    const { value } = await fresh();
    call.metadata.set("authorization", `Bearer ${value}`);
    // The server may know better what a token is worth: the next call fetches another.
    call.onEnd(({ status }) => {
      if (status.code === Code.UNAUTHENTICATED) token = undefined;
    });
    return next();
  };
}

/** Who makes a call. The call is the same object in interceptors and handlers, so it can be the key of what is known of it. */
const users = new WeakMap<Call | HandlerCall, string>();

/** For handlers: who makes this call. */
export function userOf(call: HandlerCall): string {
  const user = users.get(call);
  if (user === undefined) throw new StatusError(Code.UNAUTHENTICATED, "nobody has checked who makes this call");
  return user;
}

/** Whoever asks whether the server is well is not asked who he is. */
const OPEN = "/grpc.health.v1.Health/";

/** For a server: `verify` says whose token it is, or `undefined`. Runs when the headers have come, before any message is read. */
export function checkToken(verify: (token: string) => Promise<string | undefined>): Interceptor {
  return async (call, next) => {
    if (call.method.path.startsWith(OPEN)) return next();
    const [, token] = /^Bearer (.+)$/i.exec(call.metadata.get("authorization") ?? "") ?? [];
    const user = token === undefined ? undefined : await verify(token);
    if (user === undefined) throw new StatusError(Code.UNAUTHENTICATED, "a valid token is needed");
    users.set(call, user);
    return next();
  };
}
