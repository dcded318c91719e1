/** Owns what this program calls itself in births. */

/** Version of the agent. */
export const AGENT_VERSION = '0.1.0';
