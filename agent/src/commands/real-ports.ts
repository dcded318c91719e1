/** The real ports of an agent: files, clock, MQTT, HTTP and engine of this machine. Owns which there are; holds no rule of the agent. */
import { clientIdOf } from '@nanofleet/protocol';
import { makeMqttTransport } from '@nanofleet/runtime/mqtt';
import { type Engine, loadEngine, loadRunner } from '@nanofleet/runtime/node';
import type { AgentPorts } from '../agent-parts.ts';
import { makeThreadTrainer } from '../learning/thread-trainer.ts';
import type { CertificateKeeper } from '../link/certificate-keeper.ts';
import { fileDisk } from '../ports/file-disk.ts';
import { makeHttpAdmission } from '../ports/http-admission.ts';
import { makeHttpBlobSource } from '../ports/http-blob-source.ts';
import type { HttpConnections } from '../ports/http-client.ts';
import { makeStderrLog } from '../ports/stderr-log.ts';
import { systemClock } from '../ports/system-clock.ts';
import { systemHost } from '../ports/system-host.ts';
import { makeSystemRandom } from '../ports/system-random.ts';
import type { Identity } from '../store/identity.ts';
import { makeChildAcceptance } from '../trial/child-acceptance.ts';

/** What of an agent's surroundings is made elsewhere. */
interface Surroundings extends Pick<AgentPorts, 'deviceKey'> {
  readonly certificate?: CertificateKeeper;
  /** To the controller; left out: those of this process. */
  readonly connections?: HttpConnections;
  readonly engine?: Engine;
}

/** The real surroundings of the agent of an identity. */
export const portsFor = (
  identity: Identity,
  { certificate, connections, deviceKey, engine = loadEngine() }: Surroundings = {},
): AgentPorts => {
  const { fleet, device, credential, controllerUrl: controller } = identity;
  const tls = () => certificate?.tls ?? null;
  const authorization = `Bearer ${clientIdOf(fleet, device)}:${credential}`;
  const http = { controller, authorization, connections, tls };
  return {
    clock: systemClock,
    random: makeSystemRandom(),
    disk: fileDisk,
    transport: makeMqttTransport(),
    ...(certificate === undefined ? {} : { certificate }),
    ...(deviceKey === undefined ? {} : { deviceKey }),
    blobs: makeHttpBlobSource(http),
    admit: makeHttpAdmission(http),
    host: systemHost,
    log: makeStderrLog(systemClock),
    load: (bundle) => loadRunner(bundle, engine),
    acceptance: makeChildAcceptance(systemClock, { engine: engine.kind }),
    trainer: makeThreadTrainer(systemClock, { engine: engine.kind }),
    engine: { name: engine.name, version: engine.version },
  };
};
