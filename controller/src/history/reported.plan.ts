/** What a device's report says that its last one did not: a bundle or an agent that runs, or that it refused. Pure. */
import type { AgentReport, DeviceId, LineId, LineReport } from '@nanofleet/protocol';
import type { Happening } from './timeline.service.ts';

/** What was known of the device. */
export interface KnownLines {
  readonly device: DeviceId;
  readonly agent: AgentReport | null;
  readonly lines: Readonly<Record<string, LineReport>>;
}

/** What it reports. */
export interface ReportedLines {
  readonly desiredVersion: number;
  readonly agent?: AgentReport | undefined;
  readonly lines: Readonly<Record<string, LineReport>>;
}

/** The happenings in a report; the desired version makes the same bundle on a later order another happening. */
export const reportedHappenings = (before: KnownLines, report: ReportedLines): Happening[] => {
  const { device } = before;
  const lines = Object.entries(report.lines).flatMap(([name, { running, refused }]): Happening[] => {
    const line = name as LineId;
    const old = before.lines[name];
    const keyOf = (digest: string) => `${device} ${line} ${digest} ${report.desiredVersion}`;
    const runs = running !== null && running.digest !== old?.running?.digest;
    const refuses = refused !== undefined && refused.digest !== old?.refused?.digest;
    return [
      ...(runs
        ? [
            {
              kind: 'bundle-running' as const,
              key: keyOf(running.digest),
              device,
              line,
              digest: running.digest,
              detail: running.version,
            },
          ]
        : []),
      ...(refuses
        ? [
            {
              kind: 'bundle-refused' as const,
              key: keyOf(refused.digest),
              device,
              line,
              digest: refused.digest,
              code: refused.code,
              detail: refused.message,
            },
          ]
        : []),
    ];
  });
  return [...lines, ...agentHappenings(before, report)];
};

/** Of releases only: what was installed is no news. */
const agentHappenings = (
  { agent: old, device }: KnownLines,
  { agent, desiredVersion }: ReportedLines,
): Happening[] => {
  if (agent === undefined) return [];
  const { digest, refused } = agent;
  const committed = (report: AgentReport | null) => (report?.step === 'probation' ? null : report?.digest);
  const happenings: Happening[] = [];
  if (digest !== null && committed(agent) === digest && committed(old) !== digest)
    happenings.push({
      ...{ kind: 'agent-running', device, digest, detail: agent.version },
      key: `${device} ${digest} ${desiredVersion}`,
    });
  if (refused !== undefined && refused.at !== old?.refused?.at)
    happenings.push({
      ...{
        kind: 'agent-refused',
        device,
        digest: refused.digest,
        code: refused.code,
        detail: refused.message,
      },
      key: `${device} ${refused.digest} ${refused.at}`,
    });
  return happenings;
};
