/**
 * Addresses of the dashboard: the controller serves its page at each of them, the dashboard routes between them. Never
 * says what a page shows.
 */

/** Path of each page; `:name` stands for one part. */
export const PAGES = {
  story: '/',
  fleet: '/fleet',
  devices: '/devices',
  device: '/devices/:device',
  models: '/models',
  model: '/models/:digest',
  rollouts: '/rollouts',
  rollout: '/rollouts/:id',
  rounds: '/rounds',
  round: '/rounds/:id',
  cloud: '/cloud',
  reference: '/reference',
} as const;

export type PageName = keyof typeof PAGES;
