/** The real Transport over mqtt.js; apart from the rest of the runtime, which runs without a network. */
export * from './mqtt-transport.ts';
