import { useEffect, useRef, useState } from 'react';
import type { FormEvent } from 'react';
import { DEMO_PASSWORD, DEMO_USER_GROUPS, isDemoUser } from './demo.users';
import { SecondFactorForm } from './second-factor-form';
import type {
  Credentials,
  SessionState,
  SessionStore,
  SignInOutcome,
  Tenant,
} from './session.store';

interface SignInDialogProps {
  readonly store: SessionStore;
  readonly session: SessionState;
  readonly demo: boolean;
  readonly onClose: () => void;
}

const firstEmail = (session: SessionState, demo: boolean): string => {
  if (session.status === 'signedIn') return session.user.email;
  return demo ? 'admin@acme.test' : '';
};

/** Signs in, or in as another: asks for the tenant when the e-mail and password fit several. */
export function SignInDialog({ store, session, demo, onClose }: SignInDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [email, setEmail] = useState(() => firstEmail(session, demo));
  const [password, setPassword] = useState(() => (demo && isDemoUser(email) ? DEMO_PASSWORD : ''));
  const [tenant, setTenant] = useState('');
  const [choices, setChoices] = useState<readonly Tenant[]>([]);
  const [challenge, setChallenge] = useState<string>();
  const [message, setMessage] = useState<string>();
  const [busy, setBusy] = useState(false);
  const knownTenants = session.status === 'signedIn' ? session.tenants : [];

  useEffect(() => dialog.current?.showModal(), []);

  function signIn(slug: string): Promise<void> {
    const credentials: Credentials = { email, password, ...(slug !== '' && { tenant: slug }) };
    return attempt(() => store.signIn(credentials));
  }

  async function attempt(work: () => Promise<SignInOutcome>): Promise<void> {
    setBusy(true);
    setMessage(undefined);
    try {
      const outcome = await work();
      if (outcome.kind === 'signedIn') dialog.current?.close();
      else if (outcome.kind === 'chooseTenant') setChoices(outcome.tenants);
      else if (outcome.kind === 'secondFactor') setChallenge(outcome.challenge);
      else setMessage(outcome.message);
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    void signIn(tenant.trim());
  }

  function pickDemoUser(picked: string): void {
    setEmail(picked);
    setPassword(DEMO_PASSWORD);
    setTenant('');
    setMessage(undefined);
  }

  const title = session.status === 'signedIn' ? 'Switch tenant' : 'Sign in';
  return (
    <dialog ref={dialog} className="sign-in" aria-labelledby="sign-in-title" onClose={onClose}>
      <h2 id="sign-in-title">{choices.length > 0 ? 'Choose an organisation' : title}</h2>
      {message !== undefined && (
        <p role="alert" className="alert">
          {message}
        </p>
      )}
      {challenge !== undefined ? (
        <SecondFactorForm
          busy={busy}
          onCode={(code) => void attempt(() => store.completeMfa(challenge, code))}
          onBack={() => setChallenge(undefined)}
        />
      ) : choices.length > 0 ? (
        <div className="choices">
          <p>{email} belongs to several.</p>
          {choices.map(({ id, slug, name }, index) => (
            <button
              key={id}
              type="button"
              disabled={busy}
              autoFocus={index === 0}
              onClick={() => void signIn(slug)}
            >
              {name} <small>{slug}</small>
            </button>
          ))}
          <button type="button" className="quiet" onClick={() => setChoices([])}>
            Back
          </button>
        </div>
      ) : (
        <form onSubmit={submit}>
          {demo && (
            <label>
              Demo user
              <select
                value={isDemoUser(email) ? email : ''}
                onChange={(event) => pickDemoUser(event.target.value)}
              >
                <option value="" disabled>
                  Choose one
                </option>
                {DEMO_USER_GROUPS.map(({ label, emails }) => (
                  <optgroup key={label} label={label}>
                    {emails.map((address) => (
                      <option key={address}>{address}</option>
                    ))}
                  </optgroup>
                ))}
              </select>
            </label>
          )}
          <label>
            E-mail
            <input
              type="email"
              required
              autoComplete="username"
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
          </label>
          <label>
            Password
            <input
              type="password"
              required
              autoComplete="current-password"
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          </label>
          <div className="field">
            <label htmlFor="tenant">Organisation</label>
            <input
              id="tenant"
              list="known-tenants"
              aria-describedby="tenant-hint"
              autoComplete="organization"
              autoCapitalize="none"
              spellCheck={false}
              value={tenant}
              onChange={(event) => setTenant(event.target.value)}
            />
            <small id="tenant-hint">Only if the e-mail belongs to several.</small>
            <datalist id="known-tenants">
              {knownTenants.map(({ slug, name }) => (
                <option key={slug} value={slug}>
                  {name}
                </option>
              ))}
            </datalist>
          </div>
          <menu>
            <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
              {session.status === 'signedIn' ? 'Cancel' : 'Not now'}
            </button>
            <button type="submit" className="primary" disabled={busy}>
              {busy ? 'Signing in…' : 'Sign in'}
            </button>
          </menu>
        </form>
      )}
    </dialog>
  );
}
