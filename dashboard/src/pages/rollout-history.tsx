/** What happened to one rollout, the newest on top. */
import type { Uuid } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Timeline } from '../parts/timeline.tsx';

/** The panel. */
export const RolloutHistory = ({ id }: { readonly id: Uuid }) => {
  const asked = useAnswer('timeline', { query: { subject: id, limit: 100 } }, { parts: ['rollouts'] });
  return (
    <Panel title="Its story" flush>
      <Answer asked={asked} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing is known of it any more" />
          ) : (
            <Timeline entries={items} />
          )
        }
      </Answer>
    </Panel>
  );
};
