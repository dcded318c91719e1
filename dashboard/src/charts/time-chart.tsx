/**
 * Values over time: curves or areas over one axis, a cross hair that reads them, and a table that says the same. Gaps stay
 * gaps. Never asks for anything.
 */
import { type ReactNode, useId, useState } from 'react';
import { dayText, minuteText, secondText } from '../rims/clock.ts';
import { areaOf, lineOf, scaleOf, ticksTo, tickText, timeTicks, type Values } from './scale.ts';
import { useWidth } from './use-width.ts';
import { ValuesTable } from './values-table.tsx';

/** One curve. */
export interface Curve {
  readonly name: string;
  readonly values: Values;
  /** Draws the surface below it, too. */
  readonly isArea?: boolean;
}

/** What a chart shows. */
export interface TimeChartProps {
  readonly title: string;
  /** Moments of the values, milliseconds, ascending. */
  readonly at: readonly number[];
  readonly curves: readonly Curve[];
  readonly text: (value: number) => string;
  readonly height?: number;
  /** Greatest value of the axis, when the data do not give it. */
  readonly most?: number;
  /** What one is on the axis: 1,048,576 for bytes that are read as MiB. */
  readonly unit?: number;
  /** Shows the title above the chart, where no frame does. */
  readonly hasCaption?: boolean;
  /** Drawn over the surface, given the positions of moments. */
  readonly over?: (x: (at: number) => number, bottom: number) => ReactNode;
}

const LEFT = 46;
const TOP = 8;
const BOTTOM = 20;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const momentTick = (moment: number, spanMs: number): string => {
  if (moment % DAY_MS === 0 && spanMs > DAY_MS) return dayText(moment);
  return moment % MINUTE_MS === 0 ? minuteText(moment) : `:${secondText(moment)}`;
};

const greatest = (curves: readonly Curve[]): number =>
  Math.max(0, ...curves.flatMap(({ values }) => values.map((value) => value ?? 0)));

/** The chart. */
export const TimeChart = (props: TimeChartProps) => {
  const { at, curves, height = 150, text, title } = props;
  const [frame, width] = useWidth();
  const [under, setUnder] = useState<number | null>(null);
  const name = useId();
  const from = at[0] ?? 0;
  const to = at.at(-1) ?? 1;
  const unit = props.unit ?? 1;
  const ticks = ticksTo((props.most ?? greatest(curves)) / unit, 3).map((tick) => tick * unit);
  const bottom = height - BOTTOM;
  const x = scaleOf([from, to], [LEFT, width - 2]);
  const y = scaleOf([0, ticks.at(-1) ?? 1], [bottom, TOP]);
  const place = { x: (index: number) => x(at[index] ?? 0), y, base: bottom };
  const look = (clientX: number, left: number): void => {
    const moment = scaleOf([LEFT, width - 2], [from, to])(clientX - left);
    const nearest = at.reduce((best, candidate, index) => {
      const isNearer = Math.abs(candidate - moment) < Math.abs((at[best] ?? 0) - moment);
      return isNearer ? index : best;
    }, 0);
    setUnder(nearest);
  };
  const shown = under ?? at.length - 1;
  return (
    <figure className="chart" ref={frame} aria-labelledby={name}>
      <figcaption id={name} className={props.hasCaption === true ? 'caption' : 'hidden-text'}>
        {title}
      </figcaption>
      <Readout at={at} curves={curves} text={text} shown={shown} isUnder={under !== null} />
      <svg
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`${title}; the table below holds the values`}
        onPointerMove={(event) => look(event.clientX, event.currentTarget.getBoundingClientRect().left)}
        onPointerLeave={() => setUnder(null)}
      >
        <Axes {...{ ticks, text, width, bottom, x, y, from, to }} />
        {curves.map(({ name: curve, values, isArea }, index) => (
          <g key={curve} data-series={index + 1}>
            {isArea === true ? <path className="area" d={areaOf(values, place)} /> : null}
            <path className="curve" d={lineOf(values, place)} />
          </g>
        ))}
        {props.over?.(x, bottom)}
        {under === null ? null : (
          <line className="cross" x1={place.x(under)} x2={place.x(under)} y1={TOP} y2={bottom} />
        )}
      </svg>
      <ValuesTable title={title} at={at} curves={curves} text={text} />
    </figure>
  );
};

const Axes = (props: {
  readonly ticks: readonly number[];
  readonly text: (value: number) => string;
  readonly width: number;
  readonly bottom: number;
  readonly x: (at: number) => number;
  readonly y: (value: number) => number;
  readonly from: number;
  readonly to: number;
}) => (
  <>
    {props.ticks.map((tick) => (
      <g key={tick}>
        <line className="rule" x1={LEFT} x2={props.width} y1={props.y(tick)} y2={props.y(tick)} />
        <text className="axis" x={LEFT - 8} y={props.y(tick) + 4} textAnchor="end">
          {tickText(props.text(tick))}
        </text>
      </g>
    ))}
    {timeTicks(props.from, props.to, Math.max(2, Math.floor(props.width / 90))).map((moment) => (
      <text key={moment} className="axis" x={props.x(moment)} y={props.bottom + 15} textAnchor="middle">
        {momentTick(moment, props.to - props.from)}
      </text>
    ))}
  </>
);

const Readout = (props: {
  readonly at: readonly number[];
  readonly curves: readonly Curve[];
  readonly text: (value: number) => string;
  readonly shown: number;
  readonly isUnder: boolean;
}) => (
  <div className="chart-read" aria-hidden="true">
    {props.curves.map(({ name, values }, index) => {
      const value = values[props.shown] ?? null;
      return (
        <span key={name} className="key" data-series={index + 1}>
          {name} <b>{value === null ? '–' : props.text(value)}</b>
        </span>
      );
    })}
    {props.isUnder ? <span className="quiet">{minuteText(props.at[props.shown] ?? 0)}</span> : null}
  </div>
);
