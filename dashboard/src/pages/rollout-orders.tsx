/** What an operator may tell a rollout in waves. */
import type { Rollout, RolloutCourse, RolloutOrder } from '@nanofleet/protocol';
import { callApi } from '../access/call.ts';
import { useMay } from '../access/session.ts';
import { Confirm } from '../parts/confirm.tsx';

const ORDERS: Readonly<
  Record<RolloutOrder, { button: string; phases: readonly RolloutCourse['phase'][]; says: string }>
> = {
  approve: { button: 'Approve', phases: ['approval'], says: 'The wave that waits begins.' },
  pause: {
    button: 'Pause',
    phases: ['scheduled', 'running'],
    says: 'Nobody more gets the bundle until somebody resumes; those that have it keep it.',
  },
  resume: {
    button: 'Resume',
    phases: ['paused'],
    says: 'It goes on, whatever stopped it: devices that failed are asked again, and this wave needs no gate.',
  },
  abort: {
    button: 'Abort',
    phases: ['approval', 'scheduled', 'running', 'paused'],
    says: 'It ends here; devices that have the bundle keep it.',
  },
  'roll-back': {
    button: 'Roll back',
    phases: ['running', 'paused', 'approval', 'aborted', 'done'],
    says: 'It ends, and every device that has the bundle goes back to what it had.',
  },
};

/** The orders that it takes now. */
export const RolloutOrders = ({
  rollout,
  onDone,
}: {
  readonly rollout: Rollout;
  readonly onDone: () => void;
}) => {
  const isAllowed = useMay('operator');
  const { course, id } = rollout;
  if (course === null || !isAllowed) return null;
  const open = (Object.keys(ORDERS) as RolloutOrder[]).filter((order) =>
    ORDERS[order].phases.includes(course.phase),
  );
  return (
    <>
      {open.map((order) => (
        <Confirm
          key={order}
          button={ORDERS[order].button}
          title={`${ORDERS[order].button} ${rollout.line} ${rollout.version}?`}
          isDangerous={order === 'abort' || order === 'roll-back'}
          act={async () => {
            await callApi('orderRollout', { params: { id }, body: { order } });
            onDone();
          }}
        >
          <p className="soft">{ORDERS[order].says}</p>
        </Confirm>
      ))}
    </>
  );
};
