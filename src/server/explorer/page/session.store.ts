/**
 * Who is signed in, and the tokens that say so.
 *
 * Tokens live in memory. They are written to sessionStorage only while the page goes away, and taken
 * out again when it comes back, so that a reload stays signed in while a duplicated tab, which is
 * given a copy of sessionStorage, does not: two tabs with one refresh token would look like a theft
 * to the server, which then ends both sessions.
 */
import { COMPLETE_MFA, LOGIN, LOGOUT, REFRESH_SESSION, VIEWER } from './documents';
import { isUnauthenticated } from './graphql.client';
import type { GraphqlAnswer, GraphqlClient, GraphqlRequest } from './graphql.client';

export interface Tenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
}

export type SessionState =
  | { readonly status: 'signedOut'; readonly notice?: string }
  | {
      readonly status: 'signedIn';
      readonly user: User;
      readonly tenant: Tenant;
      /** The tenants this person can sign in to, as far as the last sign-in said. */
      readonly tenants: readonly Tenant[];
    };

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** A tenant's slug; needed when the e-mail exists in several. */
  readonly tenant?: string;
}

export type SignInOutcome =
  | { readonly kind: 'signedIn' }
  | { readonly kind: 'chooseTenant'; readonly tenants: readonly Tenant[] }
  /** The password fits: `completeMfa` takes the challenge with a code. */
  | { readonly kind: 'secondFactor'; readonly challenge: string }
  | { readonly kind: 'refused'; readonly message: string };

export interface SessionStore {
  getState(): SessionState;
  subscribe(listener: () => void): () => void;
  signIn(credentials: Credentials): Promise<SignInOutcome>;
  completeMfa(challenge: string, code: string): Promise<SignInOutcome>;
  signOut(): void;
  /** Sends a request as the signed-in user; a caller's own `authorization` header goes before. */
  send(request: GraphqlRequest, headers?: Record<string, string>): Promise<GraphqlAnswer['body']>;
  /** To be called when the page goes away, and when it has come (back). */
  suspend(): void;
  resume(): void;
}

interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** By this browser's clock. */
  readonly expiresAtMs: number;
  readonly user: User;
  readonly tenant: Tenant;
  readonly tenants: readonly Tenant[];
}

interface SessionPayload {
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  readonly accessTokenExpiresAt: string | null;
  readonly tenant: Tenant | null;
  readonly tenants: readonly Tenant[] | null;
  readonly mfaChallenge?: string | null;
  readonly user: User | null;
  readonly userErrors: readonly { readonly message: string }[];
}

/** What is used of the browser's Storage. */
export interface KeyValueStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface SessionStoreOptions {
  readonly client: GraphqlClient;
  readonly storage: KeyValueStorage;
  readonly now?: () => number;
}

const STORAGE_KEY = 'cloister:session';
/** A token this close to its end is refreshed before it is used. */
const REFRESH_MARGIN_MS = 60_000;
const SESSION_ENDED = 'Your session has ended: sign in again.';

const messageOf = (answer: GraphqlAnswer, fallback: string): string =>
  answer.body.errors?.[0]?.message ?? fallback;

function payloadOf(answer: GraphqlAnswer, field: string): SessionPayload | undefined {
  const data = answer.body.data as Record<string, SessionPayload | null> | null | undefined;
  return data?.[field] ?? undefined;
}

export function createSessionStore(options: SessionStoreOptions): SessionStore {
  const { client, storage, now = Date.now } = options;
  const listeners = new Set<() => void>();
  let session: Session | undefined;
  let state: SessionState = { status: 'signedOut' };
  let refreshing: Promise<void> | undefined;

  function publish(next: Session | undefined, notice?: string): void {
    session = next;
    state = next
      ? { status: 'signedIn', user: next.user, tenant: next.tenant, tenants: next.tenants }
      : { status: 'signedOut', ...(notice !== undefined && { notice }) };
    for (const listener of listeners) listener();
  }

  function sessionOf(answer: GraphqlAnswer, payload: SessionPayload): Session | undefined {
    const { accessToken, refreshToken, accessTokenExpiresAt, tenant, tenants, user } = payload;
    if (!accessToken || !refreshToken || !tenant || !user) return undefined;
    const lifetimeMs = Date.parse(accessTokenExpiresAt ?? '') - (answer.serverTimeMs ?? now());
    return {
      accessToken,
      refreshToken,
      expiresAtMs: now() + (Number.isNaN(lifetimeMs) ? 0 : lifetimeMs),
      tenant,
      user,
      tenants: tenants ?? [],
    };
  }

  /** Ends a session on the server; nobody waits for it, for here it has ended already. */
  function revoke(ended: Session): void {
    const request = { query: LOGOUT, variables: { input: { refreshToken: ended.refreshToken } } };
    client(request, { authorization: `Bearer ${ended.accessToken}` }).catch(() => undefined);
  }

  async function refresh(old: Session): Promise<void> {
    const variables = { input: { refreshToken: old.refreshToken } };
    const answer = await client({ query: REFRESH_SESSION, variables });
    if (session !== old) return; // signed out or in as another meanwhile
    const payload = payloadOf(answer, 'refreshSession');
    const next = payload && sessionOf(answer, payload);
    if (next) {
      publish({ ...next, tenants: next.tenants.length > 0 ? next.tenants : old.tenants });
    } else if (isUnauthenticated(answer) || payload) {
      publish(undefined, SESSION_ENDED);
    } else {
      throw new Error(messageOf(answer, 'The session could not be refreshed: try again.'));
    }
  }

  /** What a sign-in has led to. */
  function enter(answer: GraphqlAnswer, field: string): SignInOutcome {
    const payload = payloadOf(answer, field);
    if (!payload) {
      return { kind: 'refused', message: messageOf(answer, 'Signing in failed: try again.') };
    }
    const next = sessionOf(answer, payload);
    if (next) {
      if (session) revoke(session);
      publish(next);
      return { kind: 'signedIn' };
    }
    if (payload.mfaChallenge) return { kind: 'secondFactor', challenge: payload.mfaChallenge };
    if (payload.userErrors.length === 0 && payload.tenants && payload.tenants.length > 0) {
      return { kind: 'chooseTenant', tenants: payload.tenants };
    }
    const message = payload.userErrors.map((error) => error.message).join(' ');
    return { kind: 'refused', message: message || 'Signing in failed: try again.' };
  }

  /** One refresh at a time: a second use of the same refresh token would end the session. */
  function refreshOnce(): Promise<void> {
    if (!session) return Promise.resolve();
    refreshing ??= refresh(session).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  async function freshSession(): Promise<Session | undefined> {
    if (session && session.expiresAtMs - now() < REFRESH_MARGIN_MS) await refreshOnce();
    return session;
  }

  /** After a 401: is it the session that has ended, or was it this one operation's own answer? */
  async function verify(suspect: Session): Promise<void> {
    const authorization = `Bearer ${suspect.accessToken}`;
    const answer = await client({ query: VIEWER }, { authorization });
    if (isUnauthenticated(answer) && session === suspect) await refreshOnce();
  }

  return {
    getState: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async signIn(credentials) {
      return enter(await client({ query: LOGIN, variables: { input: credentials } }), 'login');
    },
    async completeMfa(challenge, code) {
      const variables = { input: { challenge, code } };
      return enter(await client({ query: COMPLETE_MFA, variables }), 'completeMfa');
    },
    signOut() {
      if (session) revoke(session);
      publish(undefined);
    },
    async send(request, headers = {}) {
      const own = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
      const used = own ? undefined : await freshSession();
      const authorization = used && { authorization: `Bearer ${used.accessToken}` };
      const answer = await client(request, { ...authorization, ...headers });
      if (used && isUnauthenticated(answer)) await verify(used).catch(() => undefined);
      return answer.body;
    },
    suspend() {
      if (session) storage.setItem(STORAGE_KEY, JSON.stringify(session));
    },
    resume() {
      const stored = storage.getItem(STORAGE_KEY);
      storage.removeItem(STORAGE_KEY);
      if (stored === null || session) return;
      const restored = JSON.parse(stored) as Session; // written by suspend() of this very page
      publish(restored);
      verify(restored).catch(() => undefined);
    },
  };
}
