/** The page from the door in: who is signed in, the stream, the frame, the page of the address. */
import { NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { callApi } from './access/call.ts';
import { Session, type Who } from './access/session.ts';
import { openStream } from './live/stream.ts';
import { PageOf } from './pages/page-of.tsx';
import { Shell } from './pages/shell.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { Failed, Loading } from './parts/states.tsx';
import { hasSignInCode, takeSignInCode } from './rims/page.ts';

type Door =
  | { readonly state: 'asking' }
  | { readonly state: 'outside'; readonly problem: NanofleetError | null }
  | { readonly state: 'unreachable'; readonly problem: NanofleetError }
  | { readonly state: 'inside'; readonly who: Who };

/** Signs in with the code of a link, if there is one, and finds out who is signed in. */
const enter = async (): Promise<Door> => {
  const code = takeSignInCode();
  try {
    if (code !== null) await callApi('signIn', { body: { code } });
    return { state: 'inside', who: await callApi('whoami') };
  } catch (thrown) {
    const problem = toNanofleetError(thrown);
    if (problem.status !== 401) return { state: 'unreachable', problem };
    // Nobody is told that they are not signed in before they tried.
    return { state: 'outside', problem: problem.code === 'TOKEN_MISSING' ? null : problem };
  }
};

/** The whole page. */
export const App = () => {
  const [door, setDoor] = useState<Door>({ state: 'asking' });
  const knock = useCallback(() => {
    setDoor({ state: 'asking' });
    void enter().then(setDoor);
  }, []);
  useEffect(knock, [knock]);
  // A link may be opened in a tab that shows the page already: only the fragment changes then.
  useEffect(() => {
    const look = (): void => {
      if (hasSignInCode()) knock();
    };
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, [knock]);
  switch (door.state) {
    case 'asking':
      return <Loading lines={4} />;
    case 'unreachable':
      return <Failed problem={door.problem} again={knock} />;
    case 'outside':
      return <SignIn problem={door.problem} entered={knock} />;
    case 'inside':
      return <Inside who={door.who} leave={setDoor} />;
  }
};

const Inside = (props: { readonly who: Who; readonly leave: (door: Door) => void }) => {
  const { who, leave } = props;
  const lost = useCallback(() => {
    const text = 'The session is over; sign in again.';
    leave({ state: 'outside', problem: new NanofleetError('TOKEN_INVALID', text) });
  }, [leave]);
  const signOut = useCallback(() => {
    void callApi('signOut').finally(() => leave({ state: 'outside', problem: null }));
  }, [leave]);
  useEffect(() => {
    const refused = (): void => {
      void callApi('whoami').catch((thrown: unknown) => {
        if (toNanofleetError(thrown).status === 401) lost();
      });
    };
    return openStream(refused);
  }, [lost]);
  const session = useMemo(() => ({ who, lost, signOut }), [who, lost, signOut]);
  return (
    <Session value={session}>
      <Shell>
        <PageOf />
      </Shell>
    </Session>
  );
};
