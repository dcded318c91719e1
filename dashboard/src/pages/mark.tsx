/** The sign of nanofleet: three devices in a row, two that wait. */

/** The sign. */
export const Mark = () => (
  <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M8 24 24 8" stroke="var(--accent)" strokeWidth="1.5" />
    <g fill="var(--accent)">
      <circle cx="8" cy="24" r="3.6" />
      <circle cx="16" cy="16" r="3.6" />
      <circle cx="24" cy="8" r="3.6" />
    </g>
    <g fill="var(--ink-3)">
      <circle cx="24" cy="24" r="2.2" />
      <circle cx="8" cy="8" r="2.2" />
    </g>
  </svg>
);
