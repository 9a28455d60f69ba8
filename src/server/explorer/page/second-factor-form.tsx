import { useState } from 'react';

interface SecondFactorFormProps {
  readonly busy: boolean;
  readonly onCode: (code: string) => void;
  readonly onBack: () => void;
}

/** Asks for a code of the authenticator app, or a recovery code. */
export function SecondFactorForm({ busy, onCode, onBack }: SecondFactorFormProps) {
  const [code, setCode] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onCode(code);
      }}
    >
      <label>
        Code of your authenticator app, or a recovery code
        <input
          required
          autoFocus
          autoComplete="one-time-code"
          spellCheck={false}
          value={code}
          onChange={(event) => setCode(event.target.value)}
        />
      </label>
      <menu>
        <button type="button" className="quiet" onClick={onBack}>
          Back
        </button>
        <button type="submit" className="primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </menu>
    </form>
  );
}
