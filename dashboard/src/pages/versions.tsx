/** Which version of each line runs on how many devices, as the devices themselves report it. */
import type { DeviceSummary } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Link } from '../routing/link.tsx';
import { countText } from '../words/units.ts';

interface VersionCount {
  readonly version: string;
  readonly digest: string | null;
  readonly count: number;
}

/** Versions per line, most frequent first; revoked devices do not count. */
const versionsOf = (devices: readonly DeviceSummary[]): [line: string, versions: VersionCount[]][] => {
  const lines = new Map<string, Map<string, VersionCount>>();
  for (const { lines: reported, status } of devices) {
    if (status === 'revoked') continue;
    for (const [line, { running }] of Object.entries(reported)) {
      const version = running?.version ?? 'none';
      const known = lines.get(line) ?? new Map<string, VersionCount>();
      const count = (known.get(`${version} ${running?.digest ?? ''}`)?.count ?? 0) + 1;
      known.set(`${version} ${running?.digest ?? ''}`, { version, digest: running?.digest ?? null, count });
      lines.set(line, known);
    }
  }
  return [...lines]
    .map(([line, known]): [string, VersionCount[]] => [
      line,
      [...known.values()].sort((one, other) => other.count - one.count),
    ])
    .sort(([one], [other]) => one.localeCompare(other));
};

const SERIES_MAX = 4;

/** The panel. */
export const Versions = () => {
  const asked = useAnswer('devices', {}, { parts: ['devices'], everyMs: 2_000 });
  return (
    <Panel title="Versions" aside="as devices report the bytes that they loaded">
      <Answer asked={asked}>
        {({ items }) => {
          const lines = versionsOf(items);
          return lines.length === 0 ? (
            <Empty title="No device has reported a model line yet" />
          ) : (
            <Lines lines={lines} />
          );
        }}
      </Answer>
    </Panel>
  );
};

const Lines = (props: { readonly lines: readonly [line: string, versions: readonly VersionCount[]][] }) => (
  <ul className="versions">
    {props.lines.map(([line, versions]) => (
      <li key={line}>
        <span className="strong">{line}</span>
        <div>
          <div className="meter tall" aria-hidden="true">
            {versions.map(({ version, digest, count }, at) => (
              <span
                key={`${version} ${digest ?? ''}`}
                data-series={Math.min(at + 1, SERIES_MAX)}
                style={{ flexGrow: count }}
              />
            ))}
          </div>
          <div className="legend">
            {versions.map(({ version, digest, count }, at) => (
              <span
                key={`${version} ${digest ?? ''}`}
                className="key"
                data-series={Math.min(at + 1, SERIES_MAX)}
              >
                {digest === null ? (
                  version
                ) : (
                  <Link to="model" params={{ digest }}>
                    {version}
                  </Link>
                )}{' '}
                <b className="number">{countText(count)}</b>
              </span>
            ))}
          </div>
        </div>
      </li>
    ))}
  </ul>
);
