/** What the tests of the whole system use of the agent. */
export { Agent, type AgentOptions, type AgentPorts } from './agent.ts';
export { portsFor } from './commands/run.ts';
export { tlsRequestOf } from './link/tls-request.ts';
export { fileDisk } from './ports/file-disk.ts';
export { systemClock } from './ports/system-clock.ts';
export { type ProgramTerminal, runProgram } from './program.ts';
export { type Identity, readIdentity } from './store/identity.ts';
