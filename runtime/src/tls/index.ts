/** Finding the authority of a controller whose key is pinned; apart from the rest of the runtime, which runs without a network. */
export * from './pinned-authority.ts';
