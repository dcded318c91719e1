/**
 * Whether a report is what the device's own key stands for: signed by the key that was enrolled, for this session, and the
 * same as what the report says. Pure. A report without it is believed as before, and shown as not attested.
 */
import {
  type AttestedState,
  attestedStateSchema,
  type DeviceId,
  type FleetId,
  firstIssue,
  NanofleetError,
  type Reported,
} from '@nanofleet/protocol';
import { isSignedBy } from '@nanofleet/protocol/node';

/** Whose report it must be. */
export interface ReportOwner {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  /** Raw Ed25519 key of its enrolment, base64. */
  readonly publicKey: string;
}

/**
 * The lines of a report with whether they are attested. @param isSigned like `isSignedBy`, of which it may remember answers
 * @throws NanofleetError REPORT_FORGED for one whose signature is wrong, or that says something else than was signed
 */
export const attestedLines = (
  report: Reported,
  owner: ReportOwner,
  isSigned: typeof isSignedBy = isSignedBy,
): Reported['lines'] => {
  if (report.attestation === undefined) return marked(report.lines, false);
  const { signature, signed } = report.attestation;
  const publicKey = Buffer.from(owner.publicKey, 'base64');
  if (!isSigned(publicKey, { bytes: Buffer.from(signed, 'utf8'), signature }))
    throw forged('its signature is not by the key of its enrolment');
  checkOwner(stateIn(signed), report, owner);
  return marked(report.lines, true);
};

const marked = (lines: Reported['lines'], attested: boolean): Reported['lines'] =>
  Object.fromEntries(Object.entries(lines).map(([line, report]) => [line, { ...report, attested }]));

const stateIn = (signed: string): AttestedState => {
  const parsed = attestedStateSchema.safeParse(jsonIn(signed));
  if (parsed.success) return parsed.data;
  throw forged(`what was signed has another form: ${firstIssue(parsed.error)}`);
};

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw forged('what was signed is not JSON');
  }
};

const checkOwner = (state: AttestedState, report: Reported, { device, fleet }: ReportOwner): void => {
  if (state.fleet !== fleet || state.device !== device)
    throw forged(`it was signed for ${state.fleet} ${state.device}`);
  if (state.session !== report.session || state.instance !== report.instance)
    throw forged(`it was signed in session ${state.session} of process ${state.instance}`);
  const names = new Set([...Object.keys(state.lines), ...Object.keys(report.lines)]);
  for (const line of names) checkLine(line, state, report);
};

const checkLine = (name: string, state: AttestedState, report: Reported): void => {
  const line = name as keyof Reported['lines'];
  const said = report.lines[line];
  const signed = state.lines[line];
  const isSame =
    signed?.loaded === (said?.running?.digest ?? null) && signed.committed === (said?.committed ?? null);
  if (!isSame) throw forged(`of line ${name} it says something else than was signed`);
};

const forged = (why: string): NanofleetError =>
  new NanofleetError('REPORT_FORGED', `a report of what runs was not believed: ${why}`);
