/** What the tests of the whole system use of the agent. */
export { Agent, type AgentOptions, type AgentPorts } from './agent.ts';
