/** A choice of a few, all in sight. */

/** The choice. */
export const Segments = <T extends string>(props: {
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly text: string }[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}) => (
  <fieldset className="segments" aria-label={props.label}>
    {props.options.map(({ value, text }) => (
      <button
        key={value}
        type="button"
        aria-pressed={value === props.value}
        onClick={() => props.onChange(value)}
      >
        {text}
      </button>
    ))}
  </fieldset>
);
