/** A tiny curve without axes beside a number that says the same. */
import { areaOf, lineOf, scaleOf, type Values } from './scale.ts';

const WIDTH = 120;
const HEIGHT = 28;

/** The curve; hidden from screen readers, for the number beside it is not. */
export const Spark = (props: { readonly values: Values; readonly series?: number }) => {
  const known = props.values.map((value) => value ?? 0);
  const x = scaleOf([0, Math.max(1, props.values.length - 1)], [0, WIDTH]);
  const y = scaleOf([0, Math.max(1e-9, ...known)], [HEIGHT - 1, 2]);
  const place = { x, y, base: HEIGHT };
  return (
    <svg
      className="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      data-series={props.series ?? 1}
    >
      <path className="area" d={areaOf(props.values, place)} />
      <path className="curve" d={lineOf(props.values, place)} vectorEffect="non-scaling-stroke" />
    </svg>
  );
};
