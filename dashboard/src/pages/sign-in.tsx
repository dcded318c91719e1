/** The door: a token signs this browser in, or the link that a command printed. Keeps the token nowhere. */
import { type NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { type FormEvent, useState } from 'react';
import { callApi } from '../access/call.ts';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Mark } from './mark.tsx';

/** The door; `entered` is called when the controller has let the browser in. */
export const SignIn = (props: { readonly problem: NanofleetError | null; readonly entered: () => void }) => {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState(props.problem);
  const [isBusy, setBusy] = useState(false);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setBusy(true);
    callApi('signIn', { body: { token: token.trim() } })
      .then(props.entered)
      .catch((thrown: unknown) => setProblem(toNanofleetError(thrown)))
      .finally(() => setBusy(false));
  };
  return (
    <main className="door">
      <div className="card">
        <div className="brand">
          <Mark />
          nanofleet
        </div>
        <h1>Sign in</h1>
        <form onSubmit={submit}>
          <div className="field">
            <label htmlFor="token">Operator token</label>
            <input
              id="token"
              type="password"
              autoComplete="off"
              spellCheck={false}
              placeholder="nfo_…"
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          </div>
          {problem === null ? null : <ProblemNote problem={problem} />}
          <button type="submit" className="button primary" disabled={isBusy || token.trim() === ''}>
            Sign in
          </button>
        </form>
        <p className="soft">
          Or run <code>nanofleet dashboard</code>: it prints a link that signs one browser in, once.
        </p>
      </div>
    </main>
  );
};
