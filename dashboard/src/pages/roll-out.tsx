/** Begins a rollout from the page: of a bundle that is signed and registered already, to a group, to all, or to the controller. */
import { type ApiAnswer, groupIdSchema, type RolloutTarget } from '@nanofleet/protocol';
import { useState } from 'react';
import { callApi } from '../access/call.ts';
import { useAnswer } from '../access/use-answer.ts';
import { Confirm } from '../parts/confirm.tsx';
import { goTo } from '../routing/link.tsx';
import { addressOf } from '../routing/match.ts';
import { pluralText } from '../words/units.ts';

/** What the choice says when it is not a group. */
const ALL = '*';
const CONTROLLER = '@controller';

const targetOf = (choice: string): RolloutTarget => {
  if (choice === ALL) return { all: true };
  if (choice === CONTROLLER) return { controller: true };
  return { group: groupIdSchema.parse(choice) };
};

/** The button with its question. */
export const RollOut = (props: { readonly model: ApiAnswer<'model'> }) => {
  const { digest, line, task, version } = props.model;
  const groups = useAnswer('groups', {}, { parts: ['groups', 'devices'] });
  const [choice, setChoice] = useState('');
  const act = async (): Promise<void> => {
    const { id } = await callApi('makeRollout', { body: { digest, target: targetOf(choice) } });
    goTo(addressOf('rollout', { id }));
  };
  return (
    <Confirm button="Roll out" title={`Roll out ${line} ${version}`} act={act} isReady={choice !== ''}>
      <p className="soft">
        Devices fetch it, check signature, digest and golden vectors, and take it over only then; one that
        refuses keeps what it runs.
      </p>
      <label className="field">
        <span>To</span>
        <select value={choice} onChange={(event) => setChoice(event.target.value)}>
          <option value="">Choose…</option>
          {(groups.value?.items ?? []).map(({ group, devices }) => (
            <option key={group} value={group}>
              {`${group} (${pluralText(devices, 'device')})`}
            </option>
          ))}
          <option value={ALL}>all devices</option>
          {task === 'text-intent' ? <option value={CONTROLLER}>the controller's mini tier</option> : null}
        </select>
      </label>
    </Confirm>
  );
};
