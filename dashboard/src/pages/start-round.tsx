/** Begins a round of a line from the page, with the settings that matter most; the rest has its defaults. */
import { lineIdSchema } from '@nanofleet/protocol';
import { useState } from 'react';
import { callApi } from '../access/call.ts';
import { useMay } from '../access/session.ts';
import { useAnswer } from '../access/use-answer.ts';
import { Confirm } from '../parts/confirm.tsx';
import { goTo } from '../routing/link.tsx';
import { addressOf } from '../routing/match.ts';

/** The button with its question; nothing for whoever may not use it. */
export const StartRound = () => (useMay('operator') ? <Question /> : null);

const Question = () => {
  const models = useAnswer('models', {}, { parts: ['models'] });
  const lines = [
    ...new Set(
      (models.value?.items ?? []).filter(({ task }) => task === 'text-intent').map(({ line }) => line),
    ),
  ];
  const [line, setLine] = useState('');
  const [updatesMin, setUpdatesMin] = useState('2');
  const [deadlineS, setDeadlineS] = useState('120');
  const act = async (): Promise<void> => {
    const settings = { updatesMin: Number(updatesMin), deadlineS: Number(deadlineS) };
    const { id } = await callApi('startRound', { body: { line: lineIdSchema.parse(line), settings } });
    goTo(addressOf('round', { id }));
  };
  return (
    <Confirm button="Start a round" title="Let a line learn together" act={act} isReady={line !== ''}>
      <p className="soft">
        Devices train the head of what they run on their own corrections and send the difference. What comes
        out is a candidate: it runs nowhere before a publisher has signed it.
      </p>
      <label className="field">
        <span>Line</span>
        <select value={line} onChange={(event) => setLine(event.target.value)}>
          <option value="">Choose…</option>
          {lines.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>Fewest updates</span>
        <input
          type="text"
          inputMode="numeric"
          value={updatesMin}
          onChange={(event) => setUpdatesMin(event.target.value)}
        />
      </label>
      <label className="field">
        <span>Time for the devices, seconds</span>
        <input
          type="text"
          inputMode="numeric"
          value={deadlineS}
          onChange={(event) => setDeadlineS(event.target.value)}
        />
      </label>
    </Confirm>
  );
};
