/** The model lines of a device: what runs, what it is on its way to, what it refused and why. */
import type { DeviceDetail, LineReport } from '@nanofleet/protocol';
import { Badge } from '../parts/badge.tsx';
import { Panel } from '../parts/panel.tsx';
import { Empty } from '../parts/states.tsx';
import { Link } from '../routing/link.tsx';
import { bytesText, digestText } from '../words/units.ts';
import { STEP_TONES } from './device-words.ts';

/** The panel, with the device's problems below. */
export const DeviceLines = (props: { readonly device: DeviceDetail }) => {
  const { lines, problems } = props.device;
  const entries = Object.entries(lines);
  return (
    <Panel title="Model lines">
      {entries.length === 0 ? <Empty title="The device has reported none yet" /> : null}
      <ul className="lines">
        {entries.map(([line, report]) => (
          <li key={line}>
            <Line line={line} report={report} />
          </li>
        ))}
        {problems.map(({ code, message }) => (
          <li key={code} className="problem">
            <div className="code">{code}</div>
            {message}
          </li>
        ))}
      </ul>
    </Panel>
  );
};

const Line = (props: { readonly line: string; readonly report: LineReport }) => {
  const { attested = false, progress, refused, running, step } = props.report;
  return (
    <>
      <div className="line-head">
        <span className="strong">{props.line}</span>
        {running === null ? (
          <span className="quiet">runs nothing</span>
        ) : (
          <Link to="model" params={{ digest: running.digest }}>
            {running.version} <span className="digest">{digestText(running.digest)}</span>
          </Link>
        )}
        <Badge tone={STEP_TONES[step]} text={step} />
        {attested ? null : <span className="quiet">not attested</span>}
        {progress === undefined ? null : (
          <span className="quiet number">
            {bytesText(progress.bytesDone)} of {bytesText(progress.bytesTotal)}
          </span>
        )}
      </div>
      {refused === undefined ? null : (
        <div className="problem">
          <div className="code">
            {refused.code} <span className="digest">{digestText(refused.digest)}</span>
          </div>
          {refused.message}
        </div>
      )}
    </>
  );
};
