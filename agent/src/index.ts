/** What the tests of the whole system use of the agent. */
export { Agent } from './agent.ts';
export type { AgentOptions, AgentPorts } from './agent-parts.ts';
export { portsFor } from './commands/run.ts';
export { DesiredMemory } from './link/desired.ts';
export { makeInbox } from './link/inbox.ts';
export { Link } from './link/link.ts';
export { OutboxPump } from './link/outbox-pump.ts';
export { tlsRequestOf } from './link/tls-request.ts';
export { fileDisk } from './ports/file-disk.ts';
export { systemClock } from './ports/system-clock.ts';
export { type ProgramTerminal, runProgram } from './program.ts';
export { type Identity, readIdentity } from './store/identity.ts';
export { OutboundLog } from './store/outbound-log.ts';
export { Outbox } from './store/outbox.ts';
export { SessionCounter } from './store/session-counter.ts';
export { TrustMemory } from './store/trust.ts';
