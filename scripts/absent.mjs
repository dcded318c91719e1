// Stands in the agent's bundle for packages that mqtt.js names but the agent never reaches: WebSocket and SOCKS
// transports, and the timers of browser workers.
const absent = () => {
  throw new TypeError('this transport is not part of the agent');
};

export default absent;
export const SocksClient = absent;
export const WebSocket = absent;
export const clearInterval = absent;
export const clearTimeout = absent;
export const setInterval = absent;
export const setTimeout = absent;
