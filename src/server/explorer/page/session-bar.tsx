import type { SessionState } from './session.store';

interface SessionBarProps {
  readonly session: SessionState;
  readonly graphqlPath: string;
  readonly onSignIn: () => void;
  readonly onSignOut: () => void;
}

const initials = (name: string): string =>
  name
    .split(/\s+/)
    .map((word) => word.charAt(0))
    .slice(0, 2)
    .join('')
    .toUpperCase();

const Mark = () => (
  <svg viewBox="0 0 32 32" aria-hidden="true">
    <path d="M5 28V15a11 11 0 0 1 22 0v13" />
    <path d="M11 28V16a5 5 0 0 1 10 0v12" />
    <path d="M3 28h26" />
  </svg>
);

export function SessionBar({ session, graphqlPath, onSignIn, onSignOut }: SessionBarProps) {
  return (
    <header className="bar">
      <h1>
        <Mark />
        Cloister <span>explorer</span>
      </h1>
      <code>{graphqlPath}</code>
      <section className="session" aria-label="Session" aria-live="polite">
        {session.status === 'signedIn' ? (
          <>
            <span className="avatar" aria-hidden="true">
              {initials(session.user.name)}
            </span>
            <p className="who">
              <strong title={session.user.email}>{session.user.name}</strong>
              <small>
                {session.tenant.name} · {session.user.role}
              </small>
            </p>
            <button type="button" onClick={onSignIn}>
              Switch tenant
            </button>
            <button type="button" onClick={onSignOut}>
              Sign out
            </button>
          </>
        ) : (
          <>
            <p className="who">{session.notice ?? 'Not signed in'}</p>
            <button type="button" className="primary" onClick={onSignIn}>
              Sign in
            </button>
          </>
        )}
      </section>
    </header>
  );
}
