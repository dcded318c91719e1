/** All rollouts, newest first. */
import { useAnswer } from '../access/use-answer.ts';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Link } from '../routing/link.tsx';
import { pluralText } from '../words/units.ts';
import { RolloutList } from './rollout-list.tsx';

/** The page. */
export const RolloutsPage = () => {
  const asked = useAnswer('rollouts', {}, { parts: ['rollouts', 'devices'] });
  const count = asked.value?.items.length ?? 0;
  return (
    <div className="page">
      <PageHead title="Rollouts" />
      <Panel title={pluralText(count, 'rollout')} aside="newest first" flush>
        <Answer asked={asked} lines={6}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nothing was rolled out yet">
                <p>
                  Choose a bundle among the <Link to="models">models</Link>, or run{' '}
                  <code>nanofleet rollout push DIGEST --group GROUP</code>
                </p>
              </Empty>
            ) : (
              <RolloutList items={items} />
            )
          }
        </Answer>
      </Panel>
    </div>
  );
};
